#include "connection.h"

#include "curl_init.h"
#include "memory.h"
#include "system.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct of_connection {
    atomic_long references; /* one is the list's */
    atomic_bool disconnected;
    uint64_t number;
    int fd;      /* -1: closed */
    ino_t inode; /* of the socket: another file may have its number by now, see
                    of_connections_forget_closed */
    bool used;
    int local_port; /* 0: the addresses of its ends are not known yet */
    int remote_port;
    char local[INET6_ADDRSTRLEN];
    char remote[INET6_ADDRSTRLEN];
};

void of_connection_ref(of_connection *connection) { atomic_fetch_add(&connection->references, 1); }

void of_connection_unref(of_connection *connection) {
    if (atomic_fetch_sub(&connection->references, 1) == 1)
        free(connection);
}

uint64_t of_connection_number(const of_connection *connection) { return connection->number; }

bool of_connection_disconnected(const of_connection *connection) {
    return atomic_load(&connection->disconnected);
}

/* ---- the list -------------------------------------------------------------------------------- */

/* Held while any list changes. Nothing else is locked under it, and libcurl is not called. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_number;
static bool usable;

static of_connections *known;

static void lock_all(void) { pthread_mutex_lock(&lock); }

static void unlock_all(void) { pthread_mutex_unlock(&lock); }

static ino_t inode_of(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

static bool is_open(const of_connection *connection) {
    return connection->fd >= 0 && inode_of(connection->fd) == connection->inode;
}

/* Under the lock. */
static void close_sockets(of_connections *connections) {
    for (size_t i = 0; i < connections->count; i++) {
        if (is_open(connections->list[i]))
            close(connections->list[i]->fd);
        connections->list[i]->fd = -1;
    }
}

static void in_child(void) {
    for (of_connections *one = known; one != NULL; one = one->next_known) {
        close_sockets(one);
        if (one->wakeup[1] != one->wakeup[0])
            close(one->wakeup[1]);
        if (one->wakeup[0] >= 0)
            close(one->wakeup[0]);
        one->known = false;
    }
    known = NULL;
    unlock_all();
}

static void init(void) { usable = pthread_atfork(lock_all, unlock_all, in_child) == 0; }

bool of_connections_init(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init);
    return usable;
}

void of_connections_begin(of_connections *connections, const int wakeup[2]) {
    lock_all();
    connections->wakeup[0] = wakeup[0];
    connections->wakeup[1] = wakeup[1];
    if (!connections->known) {
        connections->known = true;
        connections->next_known = known;
        known = connections;
    }
    unlock_all();
}

void of_connections_end(of_connections *connections) {
    lock_all();
    if (connections->known) {
        of_connections **link = &known;
        while (*link != connections)
            link = &(*link)->next_known;
        *link = connections->next_known;
        connections->known = false;
    }
    unlock_all();
}

/* Under the lock: removes closed connections that nobody else refers to. */
static void drop_closed(of_connections *connections) {
    for (size_t i = connections->count; i-- > 0;) {
        of_connection *connection = connections->list[i];
        if (connection->fd >= 0 || atomic_load(&connection->references) > 1)
            continue;
        connections->list[i] = connections->list[--connections->count];
        of_connection_unref(connection);
    }
}

/* Under the lock. False: no memory. */
static bool add(of_connections *connections, int fd) {
    for (size_t i = 0; i < connections->count; i++) {
        if (connections->list[i]->fd == fd) /* libcurl closed it without calling us */
            connections->list[i]->fd = -1;
    }
    drop_closed(connections);
    if (!of_grow(connections->list, connections->capacity, connections->count + 1))
        return false;
    of_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return false;
    atomic_init(&connection->references, 1);
    atomic_init(&connection->disconnected, false);
    connection->number = ++last_number;
    connection->fd = fd;
    connection->inode = inode_of(fd);
    connections->list[connections->count++] = connection;
    return true;
}

curl_socket_t of_connections_open(of_connections *connections,
                                  const struct curl_sockaddr *address) {
    int fd = of_socket(address->family, address->socktype, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    lock_all();
    bool good = add(connections, fd);
    unlock_all();
    if (good)
        return fd;
    of_note_allocation_failure();
    close(fd);
    errno = ENOMEM;
    return CURL_SOCKET_BAD;
}

/* A socket that is not in the list was closed already, and its number may belong to another
   file. */
int of_connections_close(void *context, curl_socket_t fd) {
    of_connections *connections = context;
    int result = 0;
    lock_all();
    for (size_t i = 0; i < connections->count; i++) {
        if (connections->list[i]->fd != fd)
            continue;
        connections->list[i]->fd = -1;
        result = close(fd);
        break;
    }
    drop_closed(connections);
    unlock_all();
    return result;
}

/* libcurl (7.88) does not use the callback to close a socket whose connection attempt failed. */
void of_connections_forget_closed(of_connections *connections) {
    lock_all();
    connections->suspect = false;
    for (size_t i = 0; i < connections->count; i++) {
        if (!is_open(connections->list[i]))
            connections->list[i]->fd = -1;
    }
    drop_closed(connections);
    unlock_all();
}

void of_connections_clear(of_connections *connections) {
    lock_all();
    close_sockets(connections);
    drop_closed(connections);
    unlock_all();
}

void of_connections_free(of_connections *connections) {
    of_connections_clear(connections);
    lock_all();
    for (size_t i = 0; i < connections->count; i++)
        of_connection_unref(connections->list[i]);
    free(connections->list);
    *connections = (of_connections){.list = NULL};
    unlock_all();
}

bool of_connections_disconnect(of_connections *connections, uint64_t number) {
    bool found = false;
    lock_all();
    for (size_t i = 0; i < connections->count && !found; i++) {
        of_connection *connection = connections->list[i];
        found = connection->number == number;
        if (!found)
            continue;
        atomic_store(&connection->disconnected, true);
        if (is_open(connection))
            (void)shutdown(connection->fd, SHUT_RDWR);
    }
    unlock_all();
    return found;
}

/* ---- fitness for reuse ----------------------------------------------------------------------- */

typedef int name_function(int fd, struct sockaddr *address, socklen_t *length);

/* -> the port; 0: it has none. */
static int ask_end(name_function *ask, int fd, char text[INET6_ADDRSTRLEN]) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } end = {.any = {0}};
    socklen_t length = sizeof end;
    if (ask(fd, &end.any, &length) != 0)
        return 0;
    bool v6 = end.any.sa_family == AF_INET6;
    if (!v6 && end.any.sa_family != AF_INET)
        return 0;
    const void *address = v6 ? (const void *)&end.v6.sin6_addr : (const void *)&end.v4.sin_addr;
    if (inet_ntop(end.any.sa_family, address, text, INET6_ADDRSTRLEN) == NULL)
        return 0;
    return ntohs(v6 ? end.v6.sin6_port : end.v4.sin_port);
}

static bool is_between(const of_connection *connection, of_end local, of_end remote) {
    return connection->local_port != 0 && connection->local_port == local.port &&
           connection->remote_port == remote.port &&
           strcmp(connection->local, local.address) == 0 &&
           strcmp(connection->remote, remote.address) == 0;
}

/* Connections whose ends are known are compared first, because asking for the ends takes two system
   calls. A socket that is not connected yet has no remote end. */
of_connection *of_connections_find(of_connections *connections, of_end local, of_end remote) {
    for (size_t i = 0; i < connections->count; i++) {
        of_connection *connection = connections->list[i];
        if (connection->fd >= 0 && is_between(connection, local, remote))
            return connection;
    }
    for (size_t i = 0; i < connections->count; i++) {
        of_connection *connection = connections->list[i];
        if (connection->fd < 0 || connection->local_port != 0)
            continue;
        connection->remote_port = ask_end(getpeername, connection->fd, connection->remote);
        if (connection->remote_port != 0)
            connection->local_port = ask_end(getsockname, connection->fd, connection->local);
        if (is_between(connection, local, remote))
            return connection;
    }
    return NULL;
}

/* TLS buffers decrypted bytes, which do not show on the socket. This is SSL_has_pending of the very
   libssl that libcurl is linked to, whichever others are in the process; NULL with another TLS
   library. */
static int (*has_pending)(const void *ssl);

static void find_has_pending(void) {
    Dl_info libcurl;
    CURL *(*easy_init)(void) = curl_easy_init;
    void *address;
    memcpy(&address, &easy_init, sizeof address);
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
    bool stale = connection->used &&
                 (of_connection_disconnected(connection) || input_waits(easy, connection->fd, tls));
    connection->used = true;
    return stale;
}
