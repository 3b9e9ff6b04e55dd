#define _GNU_SOURCE
#include "driver.h"

#include "carrier.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    POOL = 16,               /* connections kept at least */
    POLL_MILLISECONDS = 100, /* see of_driver_poll */
};

/* ---- lists -------------------------------------------------------------------------------- */

void of_list_append(of_list *list, of_transfer *transfer) {
    transfer->next = NULL;
    transfer->previous = list->last;
    if (list->last != NULL) {
        list->last->next = transfer;
    } else {
        list->first = transfer;
    }
    list->last = transfer;
    list->count++;
}

void of_list_remove(of_list *list, of_transfer *transfer) {
    if (transfer->previous != NULL) {
        transfer->previous->next = transfer->next;
    } else {
        list->first = transfer->next;
    }
    if (transfer->next != NULL) {
        transfer->next->previous = transfer->previous;
    } else {
        list->last = transfer->previous;
    }
    transfer->previous = transfer->next = NULL;
    list->count--;
}

long long of_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* ---- connections -------------------------------------------------------------------------- */

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

of_connection *of_driver_connection(of_driver *driver, int local_port) {
    for (size_t i = 0; i < driver->connection_count; i++) {
        of_connection *connection = &driver->connections[i];
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
static void forget_closed(of_driver *driver) {
    for (size_t i = driver->connection_count; i-- > 0;) {
        if (inode_of(driver->connections[i].fd) != driver->connections[i].inode)
            driver->connections[i] = driver->connections[--driver->connection_count];
    }
}

curl_socket_t of_driver_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *address) {
    (void)purpose;
    of_driver *driver = context;
    if (driver->connection_count == driver->connection_capacity) {
        size_t capacity = driver->connection_capacity ? driver->connection_capacity * 2 : 8;
        of_connection *connections =
            realloc(driver->connections, capacity * sizeof *driver->connections);
        if (connections == NULL)
            return CURL_SOCKET_BAD;
        driver->connections = connections;
        driver->connection_capacity = capacity;
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
    driver->connections[driver->connection_count++] =
        (of_connection){.fd = fd, .inode = inode_of(fd)};
    return fd;
}

int of_driver_close_socket(void *context, curl_socket_t fd) {
    of_driver *driver = context;
    for (size_t i = 0; i < driver->connection_count; i++) {
        if (driver->connections[i].fd == fd) {
            driver->connections[i] = driver->connections[--driver->connection_count];
            break;
        }
    }
    return close(fd);
}

/* ---- transfers ---------------------------------------------------------------------------- */

bool of_driver_open(of_driver *driver) {
    if (driver->multi != NULL)
        return true;
    driver->multi = curl_multi_init();
    driver->pool = 0;
    of_driver_widen(driver, POOL);
    return driver->multi != NULL;
}

void of_driver_widen(of_driver *driver, long concurrency) {
    if (driver->multi == NULL || driver->pool >= concurrency)
        return;
    driver->pool = concurrency;
    curl_multi_setopt(driver->multi, CURLMOPT_MAXCONNECTS, driver->pool);
}

void of_driver_add(of_driver *driver, of_transfer *transfer) {
    transfer->driver = driver;
    of_list_append(&driver->queued, transfer);
    driver->startable = true;
}

void of_driver_end(of_transfer *transfer, of_kind kind, const char *message) {
    of_driver *driver = transfer->driver;
    if (transfer->slot != NULL) {
        curl_multi_remove_handle(driver->multi, of_carrier_easy(transfer->slot));
        of_carrier_give(transfer->engine, driver, transfer->slot);
        transfer->slot = NULL;
        if (kind != OF_OK || transfer->connects > 0)
            forget_closed(driver);
    }
    if (atomic_load_explicit(&transfer->state, memory_order_relaxed) == OF_RUNNING) {
        transfer->engine->lanes[driver->lane].running--;
        of_list_remove(&driver->running, transfer);
    } else {
        of_list_remove(&driver->queued, transfer);
    }
    driver->startable = true;
    driver->ended++;
    of_transfer_forget_request(transfer);
    transfer->kind = kind;
    if (kind != OF_OK)
        transfer->message = of_copy(message, strlen(message));
    driver->announce(transfer);
}

/* Time in the queue counts. */
static long time_left(const of_transfer *transfer, long long now) {
    return transfer->timeout - (long)(now - transfer->submitted);
}

static void start(of_driver *driver, of_transfer *transfer) {
    of_engine *engine = transfer->engine;
    transfer->timeout = time_left(transfer, of_now());
    if (transfer->timeout <= 0) {
        of_driver_end(transfer, OF_TIMEOUT, "waited too long for its turn");
        return;
    }
    of_carrier *slot = of_carrier_take(engine, driver);
    if (slot == NULL || !of_carrier_arm(slot, transfer) ||
        curl_multi_add_handle(driver->multi, of_carrier_easy(slot)) != CURLM_OK) {
        if (slot != NULL)
            of_carrier_give(engine, driver, slot);
        of_driver_end(transfer, OF_MEMORY, "libcurl could not be set up for the request");
        return;
    }
    of_list_remove(&driver->queued, transfer);
    of_list_append(&driver->running, transfer);
    transfer->slot = slot;
    atomic_store_explicit(&transfer->state, OF_RUNNING, memory_order_relaxed);
    engine->lanes[driver->lane].running++;
}

static void start_queued(of_driver *driver) {
    of_transfer *transfer = driver->queued.first;
    while (transfer != NULL) {
        of_transfer *next = transfer->next;
        const of_engine *engine = transfer->engine;
        if (engine->lanes[driver->lane].running < engine->concurrency)
            start(driver, transfer);
        transfer = next;
    }
}

/* Nothing was sent on the stale connection: once more, on a new one. */
static bool start_fresh(of_driver *driver, of_transfer *transfer) {
    CURL *easy = of_carrier_easy(transfer->slot);
    transfer->stop = OF_STOP_NONE;
    transfer->fresh = true;
    curl_multi_remove_handle(driver->multi, easy);
    return of_carrier_arm(transfer->slot, transfer) &&
           curl_multi_add_handle(driver->multi, easy) == CURLM_OK;
}

static void collect(of_driver *driver) {
    CURLMsg *news;
    int left;
    while ((news = curl_multi_info_read(driver->multi, &left)) != NULL) {
        if (news->msg != CURLMSG_DONE)
            continue;
        CURLcode code = news->data.result; /* the news dies with the handle's removal */
        of_transfer *transfer = of_carrier_transfer(news->easy_handle);
        if (transfer->stop == OF_STOP_STALE && start_fresh(driver, transfer))
            continue;
        char message[CURL_ERROR_SIZE + 256] = "";
        of_kind kind = of_carrier_read(transfer->slot, code, message, sizeof message);
        of_driver_end(transfer, kind, message);
    }
}

void of_driver_step(of_driver *driver) {
    int running = 0;
    while (driver->startable) {
        driver->startable = false;
        start_queued(driver);
    }
    if (driver->running.count == 0)
        return;
    curl_multi_perform(driver->multi, &running);
    collect(driver);
}

void of_driver_expire(of_driver *driver) {
    if (driver->queued.first == NULL)
        return;
    long long now = of_now();
    of_transfer *transfer = driver->queued.first;
    while (transfer != NULL) {
        of_transfer *next = transfer->next;
        if (time_left(transfer, now) <= 0)
            of_driver_end(transfer, OF_TIMEOUT, "waited too long for its turn");
        transfer = next;
    }
}

void of_driver_poll(of_driver *driver, struct curl_waitfd *extra, unsigned count,
                    long milliseconds) {
    if (milliseconds > POLL_MILLISECONDS)
        milliseconds = POLL_MILLISECONDS;
    if (milliseconds > 0)
        curl_multi_poll(driver->multi, extra, count, (int)milliseconds, NULL);
}

/* ---- the end ------------------------------------------------------------------------------ */

void of_driver_let_go(of_driver *driver, of_engine *engine) {
    of_lane *lane = &engine->lanes[driver->lane];
    while (lane->idle != NULL)
        of_carrier_free(of_carrier_take(engine, driver));
}

void of_driver_close(of_driver *driver) {
    if (driver->multi != NULL)
        curl_multi_cleanup(driver->multi);
    driver->multi = NULL;
    free(driver->connections);
    driver->connections = NULL;
    driver->connection_count = driver->connection_capacity = 0;
}

static void abandon_all(of_list *list) {
    while (list->first != NULL) {
        list->first->slot = NULL;
        of_driver_end(list->first, OF_CANCELLED,
                      "the call belongs to the process that forked this one");
    }
}

void of_driver_abandon(of_driver *driver) {
    forget_closed(driver);
    for (size_t i = 0; i < driver->connection_count; i++)
        close(driver->connections[i].fd);
    driver->connection_count = 0;
    driver->multi = NULL;
    abandon_all(&driver->queued);
    abandon_all(&driver->running);
}
