/*
 * The connections of one curl_multi: sockets that are opened and closed here, so that they are
 * known. Is one fit for another request? Does what came on it count? Knows nothing of transfers.
 *
 * A list belongs to the thread that drives its curl_multi; other threads may call
 * of_connections_disconnect alone. A connection lives for as long as somebody has a reference to
 * it, also when it is closed; what other threads read of it is atomic, or does not change.
 */
#ifndef ONEFLOW_CONNECTION_H
#define ONEFLOW_CONNECTION_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct of_connection of_connection;

typedef struct of_connections of_connections;
struct of_connections {
    of_connection **list; /* closed ones too, while somebody else has a reference to them */
    size_t count;
    size_t capacity;
    bool suspect;  /* one may have been closed without a word */
    int wakeup[2]; /* libcurl's own pair, see wakeup.h */
    bool known;    /* among those of the process */
    of_connections *next_known;
};

/* Once for the process, before any list is used. A fork waits until no list is being changed: who
   has a fork handler that waits for a thread with a list sets it up after this. False: no memory.
 */
bool of_connections_init(void);

/* A new socket; CURL_SOCKET_BAD: there is none, errno says why. */
curl_socket_t of_connections_open(of_connections *connections, const struct curl_sockaddr *address);

/* libcurl's callback; the context is the list. */
int of_connections_close(void *connections, curl_socket_t fd);

/* One end of a connection, as libcurl's pre-request callback tells it. */
typedef struct of_end {
    const char *address;
    int port;
} of_end;

/* The open connection between these; NULL: not known. The local end alone may be that of several:
   the system gives a port to each destination anew. */
of_connection *of_connections_find(of_connections *connections, of_end local, of_end remote);

/* Marks the connection as used -> whether it was, and is not fit to be again: between two requests
   no input may wait on it. That would be its end, or what is left of the answer before, which
   libcurl (7.88 at least) takes for the answer to the next request. `easy` is about to use it, over
   TLS or not. */
bool of_connection_stale(of_connection *connection, CURL *easy, bool tls);

/* Shuts the connection of this number down, if it is in the list -> whether it is. Its descriptor
   stays libcurl's. */
bool of_connections_disconnect(of_connections *connections, uint64_t number);

/* Was it? Then no answer of it counts, whenever it came. */
bool of_connection_disconnected(const of_connection *connection);

/* Of this process alone, and never used again. */
uint64_t of_connection_number(const of_connection *connection);

void of_connection_ref(of_connection *connection);
void of_connection_unref(of_connection *connection);

/* Forgets those that libcurl closed without a word. */
void of_connections_forget_closed(of_connections *connections);

/* A curl_multi begins, with a pair of its own: in a child made by fork() that is closed, and so are
   the sockets, which the parent could not end otherwise. Nothing is written. */
void of_connections_begin(of_connections *connections, const int wakeup[2]);

/* It is about to end. */
void of_connections_end(of_connections *connections);

/* Closes the sockets that are open still: libcurl's state is gone, or is another process's. */
void of_connections_clear(of_connections *connections);

/* The same, and frees the list. */
void of_connections_free(of_connections *connections);

#endif
