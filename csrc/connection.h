/*
 * The connections of one curl_multi. Their sockets are opened and closed here, so each of them is
 * on record. Answers two questions: may a connection carry another request, and does an answer that
 * came on it count? Does not depend on transfers.
 *
 * A list belongs to the thread that drives its curl_multi; other threads may only call
 * of_connections_disconnect. A connection is freed with its last reference, which may be long after
 * it was closed. The fields that other threads read are atomic or never change.
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
    of_connection **list; /* includes closed ones that somebody still refers to */
    size_t count;
    size_t capacity;
    bool suspect;  /* libcurl may have closed one without calling of_connections_close */
    int wakeup[2]; /* libcurl's own pair, see wakeup.h */
    bool known;    /* linked in the list of the whole process */
    of_connections *next_known;
};

/* Call once for the process, before any list is used. fork() waits until no list is being changed.
   A fork handler that waits for a thread which uses a list must be registered after this. False: no
   memory. */
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

/* The open connection with these two ends; NULL: none on record. Both ends are compared, because
   the system may give one local port to connections with different destinations. */
of_connection *of_connections_find(of_connections *connections, of_end local, of_end remote);

/* Marks the connection as used -> true: it was used before and must not be used again. Between two
   requests no input may be pending: that is either the end of the connection, or the rest of the
   last answer, which libcurl (7.88 at least) takes for the answer to the next request. `easy` is
   about to use it; `tls` says whether it uses TLS. */
bool of_connection_stale(of_connection *connection, CURL *easy, bool tls);

/* Shuts down the connection with this number, if it is in the list -> whether it is. libcurl still
   closes the descriptor. */
bool of_connections_disconnect(of_connections *connections, uint64_t number);

/* Was it shut down by of_connections_disconnect? Then no answer from it counts, not even one that
   came earlier. */
bool of_connection_disconnected(const of_connection *connection);

/* Unique within this process; never reused. */
uint64_t of_connection_number(const of_connection *connection);

void of_connection_ref(of_connection *connection);
void of_connection_unref(of_connection *connection);

/* Removes the connections that libcurl closed without calling of_connections_close. */
void of_connections_forget_closed(of_connections *connections);

/* Registers a new curl_multi's list, with the curl_multi's own wake-up pair. A child made by fork()
   closes the pair and the sockets, because otherwise the parent could not end its connections. The
   child writes nothing to them. */
void of_connections_begin(of_connections *connections, const int wakeup[2]);

/* Unregisters the list; the curl_multi is about to be freed. */
void of_connections_end(of_connections *connections);

/* Closes the sockets that are still open. For use when libcurl's state is gone or belongs to
   another process. */
void of_connections_clear(of_connections *connections);

/* As of_connections_clear, and frees the list. */
void of_connections_free(of_connections *connections);

#endif
