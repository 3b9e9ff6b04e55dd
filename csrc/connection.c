#define _GNU_SOURCE
#include "connection.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the list ----------------------------------------------------------------------------- */

static int port_of(int fd) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any = {0}};
    socklen_t length = sizeof address;
    if (getsockname(fd, &address.any, &length) != 0)
        return -1;
    if (address.any.sa_family == AF_INET)
        return ntohs(address.v4.sin_port);
    return address.any.sa_family == AF_INET6 ? ntohs(address.v6.sin6_port) : -1;
}

of_connection *of_connections_find(of_connections *connections, int local_port) {
    for (size_t i = 0; i < connections->count; i++) {
        of_connection *connection = &connections->list[i];
        if (connection->port == 0)
            connection->port = port_of(connection->fd);
        if (connection->port == local_port)
            return connection;
    }
    return NULL;
}

static ino_t inode_of(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

/* libcurl (7.88) closes a socket that did not come to be connected without a word to the one who
   opened it. */
void of_connections_forget_closed(of_connections *connections) {
    connections->suspect = false;
    for (size_t i = connections->count; i-- > 0;) {
        if (inode_of(connections->list[i].fd) != connections->list[i].inode)
            connections->list[i] = connections->list[--connections->count];
    }
}

curl_socket_t of_connections_open(void *context, curlsocktype purpose,
                                  struct curl_sockaddr *address) {
    (void)purpose;
    of_connections *connections = context;
    if (connections->count == connections->capacity) {
        size_t capacity = connections->capacity ? connections->capacity * 2 : 8;
        of_connection *list = realloc(connections->list, capacity * sizeof *list);
        if (list == NULL)
            return CURL_SOCKET_BAD;
        connections->list = list;
        connections->capacity = capacity;
    }
    int type = address->socktype;
#ifdef SOCK_CLOEXEC
    type |= SOCK_CLOEXEC;
#endif
    int fd = socket(address->family, type, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
#ifndef SOCK_CLOEXEC
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
    connections->list[connections->count++] = (of_connection){.fd = fd, .inode = inode_of(fd)};
    return fd;
}

int of_connections_close(void *context, curl_socket_t fd) {
    of_connections *connections = context;
    for (size_t i = 0; i < connections->count; i++) {
        if (connections->list[i].fd == fd) {
            connections->list[i] = connections->list[--connections->count];
            break;
        }
    }
    return close(fd);
}

void of_connections_abandon(of_connections *connections) {
    of_connections_forget_closed(connections);
    for (size_t i = 0; i < connections->count; i++)
        close(connections->list[i].fd);
    connections->count = 0;
}

void of_connections_free(of_connections *connections) {
    free(connections->list);
    *connections = (of_connections){.list = NULL};
}

/* ---- is it fit? --------------------------------------------------------------------------- */

/* Decrypted bytes are held by TLS and do not show on the socket. Asked is the very libssl that
   libcurl was linked to, whichever others are in the process; with another TLS library there is
   none to ask. */
static int (*has_pending)(const void *ssl);

static void find_has_pending(void) {
    Dl_info libcurl;
    CURL *(*init)(void) = curl_easy_init;
    void *address;
    memcpy(&address, &init, sizeof address);
    if (dladdr(address, &libcurl) == 0 || libcurl.dli_fname == NULL)
        return;
    void *library = dlopen(libcurl.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (library == NULL)
        return;
    void *symbol = dlsym(library, "SSL_has_pending");
    memcpy(&has_pending, &symbol, sizeof has_pending);
    dlclose(library);
}

static bool input_waits(CURL *easy, int fd, bool over_tls) {
    struct pollfd input = {.fd = fd, .events = POLLIN};
    if (poll(&input, 1, 0) > 0)
        return true;
    if (!over_tls)
        return false;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_has_pending);
    struct curl_tlssessioninfo *tls = NULL;
    return has_pending != NULL && curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK &&
           tls != NULL && tls->backend == CURLSSLBACKEND_OPENSSL && tls->internals != NULL &&
           has_pending(tls->internals) != 0;
}

bool of_connection_stale(of_connection *connection, CURL *easy, bool tls) {
    bool stale = connection->used && input_waits(easy, connection->fd, tls);
    connection->used = true;
    return stale;
}
