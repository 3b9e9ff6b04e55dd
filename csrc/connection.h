/*
 * The connections of one curl_multi: sockets that are opened and closed here, so that they are
 * known, and whether one is fit for another request. Knows nothing of transfers. A list is used by
 * one thread at a time, the one that drives its curl_multi.
 */
#ifndef ONEFLOW_CONNECTION_H
#define ONEFLOW_CONNECTION_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* An open connection. Between two requests no input may wait on it. */
typedef struct of_connection {
    int fd;
    ino_t inode; /* of the socket: the number may be another file's by now, see
                    of_connections_forget_closed */
    int port;    /* on this side, by which a request finds its connection; 0: not asked yet */
    bool used;
} of_connection;

typedef struct of_connections {
    of_connection *list;
    size_t count;
    size_t capacity;
    bool suspect; /* one may have been closed without a word */
} of_connections;

/* libcurl's callbacks; the context is the list. */
curl_socket_t of_connections_open(void *connections, curlsocktype purpose,
                                  struct curl_sockaddr *address);
int of_connections_close(void *connections, curl_socket_t fd);

/* The open connection with this local port; NULL: not known. */
of_connection *of_connections_find(of_connections *connections, int local_port);

/* Marks the connection as used -> whether it was, and is not fit to be again: between two requests
   no input may wait on it. That would be its end, or what is left of the answer before, which
   libcurl (7.88 at least) takes for the answer to the next request. `easy` is about to use it, over
   TLS or not. */
bool of_connection_stale(of_connection *connection, CURL *easy, bool tls);

/* Forgets those that libcurl closed without a word. */
void of_connections_forget_closed(of_connections *connections);

/* In a child made by fork(): closes this process's copies of the sockets. */
void of_connections_abandon(of_connections *connections);

void of_connections_free(of_connections *connections);

#endif
