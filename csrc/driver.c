#define _GNU_SOURCE
#include "driver.h"

#include "carrier.h"
#include "system.h"
#include "wakeup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    POOL = 16,               /* connections kept at least */
    BUSY_MILLISECONDS = 100, /* after which libcurl is called in any case, while transfers run */
    STARVED_MILLISECONDS = 10,
    PASS_MILLISECONDS = 50, /* at most, to read what came before a time was up, */
    PASS_ROUNDS = 2,        /* but so often in any case */
};

/* ---- what libcurl waits for --------------------------------------------------------------- */

static bool grow(void **list, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity)
        return true;
    size_t wanted = *capacity > 0 ? *capacity * 2 : 16;
    if (wanted < need)
        wanted = need;
    void *larger = realloc(*list, wanted * size);
    if (larger == NULL)
        return false;
    memset((char *)larger + *capacity * size, 0, (wanted - *capacity) * size);
    *list = larger;
    *capacity = wanted;
    return true;
}

static void unwatch(of_driver *driver, size_t fd) {
    if (fd >= driver->place_count || driver->places[fd] == 0)
        return;
    size_t place = driver->places[fd];
    const struct pollfd *last = &driver->watched[--driver->watched_count];
    driver->watched[place - 1] = *last;
    driver->places[last->fd] = place;
    driver->places[fd] = 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused) {
    (void)unused;
    of_driver *driver = context;
    size_t number = (size_t)fd;
    if (what == CURL_POLL_REMOVE) {
        unwatch(driver, number);
        driver->still = of_carrier_stands_still(easy) || driver->still;
        return 0;
    }
    if (!grow((void **)&driver->places, &driver->place_count, number + 1, sizeof(size_t)) ||
        !grow((void **)&driver->watched, &driver->watched_capacity, driver->watched_count + 1,
              sizeof(struct pollfd))) {
        driver->failure = CURLM_OUT_OF_MEMORY; /* what is not watched would wait for ever */
        return 0;
    }
    if (driver->places[number] == 0) {
        if (of_carrier_connects(easy))
            of_wakeup_keep_lookup(fd);
        driver->watched[driver->watched_count++] = (struct pollfd){.fd = fd};
        driver->places[number] = driver->watched_count;
    }
    driver->watched[driver->places[number] - 1].events =
        (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
    return 0;
}

static int on_timer(CURLM *multi, long milliseconds, void *context) {
    (void)multi;
    ((of_driver *)context)->deadline = milliseconds < 0 ? -1 : of_now() + milliseconds;
    return 0;
}

static bool open_multi(of_driver *driver) {
    if (!of_connections_init())
        return false;
    int wakeup[2];
    driver->multi = of_wakeup_new_multi(wakeup);
    driver->deadline = -1;
    if (driver->multi == NULL)
        return false;
    of_connections_begin(&driver->context.connections, wakeup);
    return curl_multi_setopt(driver->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_SOCKETDATA, driver) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_TIMERDATA, driver) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_MAXCONNECTS, driver->pool) == CURLM_OK;
}

/* After any other code than CURLM_OK nothing is known of the curl_multi: libcurl 7.88 divides by
   zero when one is used that lacked memory. */
static void check(of_driver *driver, CURLMcode code) {
    if (code != CURLM_OK)
        driver->failure = code;
}

/* Of what belonged to a curl_multi that is no more nothing stays. */
static void forget_multi(of_driver *driver) {
    driver->multi = NULL;
    driver->failure = CURLM_OK;
    driver->deadline = -1;
    driver->watched_count = 0;
    if (driver->place_count > 0)
        memset(driver->places, 0, driver->place_count * sizeof *driver->places);
    driver->ready = driver->starved = false;
}

/* It has no transfer any more. A socket that it leaves open nobody else would close. */
static void close_multi(of_driver *driver) {
    of_connections_end(&driver->context.connections);
    if (driver->multi != NULL)
        curl_multi_cleanup(driver->multi);
    of_connections_clear(&driver->context.connections);
    forget_multi(driver);
}

/* For how long nothing need be done. */
static long patience(const of_driver *driver, long milliseconds) {
    if (driver->ready || driver->startable || driver->failure != CURLM_OK)
        return 0;
    if (driver->starved && milliseconds > STARVED_MILLISECONDS)
        milliseconds = STARVED_MILLISECONDS;
    if (driver->running.count + driver->queued.count == 0)
        return milliseconds;
    if (milliseconds > BUSY_MILLISECONDS)
        milliseconds = BUSY_MILLISECONDS;
    long long next = driver->deadline;
    if (driver->due != 0 && (next < 0 || driver->due < next))
        next = driver->due;
    if (next >= 0) {
        long long left = next - of_now();
        if (left < milliseconds)
            milliseconds = left > 0 ? (long)left : 0;
    }
    return milliseconds;
}

void of_driver_poll(of_driver *const *drivers, size_t count, struct pollfd *extra,
                    size_t extra_count, long milliseconds) {
    of_driver *first = drivers[0]; /* whose scratch serves */
    size_t total = extra_count;
    for (size_t i = 0; i < count; i++) {
        total += drivers[i]->watched_count;
        milliseconds = patience(drivers[i], milliseconds);
    }
    if (!grow((void **)&first->polled, &first->polled_capacity, total, sizeof(struct pollfd))) {
        for (size_t i = 0; i < count; i++)
            drivers[i]->starved = true;
        (void)poll(extra, (nfds_t)extra_count, STARVED_MILLISECONDS);
        return;
    }
    struct pollfd *at = first->polled;
    for (size_t i = 0; i < count; i++) {
        size_t size = drivers[i]->watched_count;
        if (size > 0)
            memcpy(at, drivers[i]->watched, size * sizeof *at);
        at += size;
    }
    if (extra_count > 0)
        memcpy(at, extra, extra_count * sizeof *at);
    for (size_t i = 0; i < count; i++)
        drivers[i]->starved = false;
    int ready = poll(first->polled, (nfds_t)total, (int)milliseconds);
    if (ready < 0)
        return; /* a signal, which the caller gets to see */
    at = first->polled;
    for (size_t i = 0; i < count; i++) {
        of_driver *driver = drivers[i];
        for (size_t k = 0; k < driver->watched_count; k++, at++) {
            driver->watched[k].revents = at->revents;
            driver->ready = driver->ready || at->revents != 0;
        }
        if (ready == 0 && driver->running.count > 0)
            driver->deadline = 0; /* whatever it said before */
    }
    for (size_t k = 0; k < extra_count; k++, at++)
        extra[k].revents = at->revents;
}

/* Backwards: what is taken out of the list is replaced by its last entry, which was seen to. */
static void act_on_sockets(of_driver *driver) {
    int running;
    driver->ready = false;
    for (size_t i = driver->watched_count; i-- > 0 && driver->failure == CURLM_OK;) {
        if (i >= driver->watched_count)
            continue;
        struct pollfd *socket = &driver->watched[i];
        short events = socket->revents;
        socket->revents = 0;
        if (events == 0 && !driver->starved)
            continue;
        int mask = (events & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) |
                   (events & POLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0);
        check(driver, curl_multi_socket_action(driver->multi, socket->fd, mask, &running));
    }
}

/* libcurl does not say its next time again when it was called too early, so it is asked. */
static void act_on_time(of_driver *driver) {
    int running;
    while (driver->failure == CURLM_OK && driver->deadline >= 0 && driver->deadline <= of_now()) {
        check(driver, curl_multi_socket_action(driver->multi, CURL_SOCKET_TIMEOUT, 0, &running));
        long left = -1;
        check(driver, curl_multi_timeout(driver->multi, &left));
        driver->deadline = left < 0 ? -1 : of_now() + (left > 0 ? left : 1);
    }
}

/* ---- transfers ---------------------------------------------------------------------------- */

bool of_driver_open(of_driver *driver) {
    if (driver->multi != NULL)
        return true;
    if (driver->pool < POOL)
        driver->pool = POOL;
    if (open_multi(driver))
        return true;
    close_multi(driver);
    return false;
}

void of_driver_widen(of_driver *driver, long concurrency) {
    if (driver->pool >= concurrency)
        return;
    driver->pool = concurrency;
    if (driver->multi != NULL)
        check(driver, curl_multi_setopt(driver->multi, CURLMOPT_MAXCONNECTS, driver->pool));
}

void of_driver_end(of_transfer *transfer, of_kind kind, const char *message) {
    of_driver *driver = transfer->driver;
    if (kind != OF_OK)
        transfer->message = of_copy(message, strlen(message));
    if (kind == OF_CONNECTION && transfer->message == NULL)
        kind = OF_MEMORY;
    if (transfer->slot != NULL) {
        check(driver, curl_multi_remove_handle(driver->multi, of_carrier_easy(transfer->slot)));
        of_carrier_give(transfer->owner, &driver->context, transfer->slot, kind == OF_OK);
        transfer->slot = NULL;
        if (kind != OF_OK || transfer->connects > 0)
            driver->context.connections.suspect = true;
        if (kind == OF_TLS)
            driver->context.trust = OF_TRUST_NONE;
        else if (kind == OF_OK && transfer->connects > 0 && driver->context.trust != OF_TRUST)
            driver->context.trust--;
        /* libcurl (7.88) keeps a connection whose TLS lacked memory: the next request would die. */
        if (kind == OF_MEMORY && transfer->connection != NULL)
            (void)of_connections_disconnect(&driver->context.connections,
                                            of_connection_number(transfer->connection));
    }
    if (atomic_load_explicit(&transfer->state, memory_order_relaxed) == OF_RUNNING) {
        transfer->owner->shares[driver->context.share].running--;
        of_list_remove(&driver->running, transfer);
    } else {
        of_list_remove(&driver->queued, transfer);
    }
    driver->startable = true;
    driver->ended++;
    of_transfer_forget_request(transfer);
    transfer->kind = kind;
    driver->announce(transfer);
}

/* ---- time --------------------------------------------------------------------------------- */

/* libcurl's own time-outs look at the clock before they read what has come: a program that was busy
   with something else would lose an answer that is there. So its transfers have none, and of its
   time for connecting, from which it gives each address a share, it never sees the end. */

/* Time in the queue counts. */
static long long end_of(const of_transfer *transfer) {
    return transfer->submitted + transfer->timeout;
}

static bool connects(const of_transfer *transfer) {
    return transfer->slot != NULL && transfer->wire == 0;
}

static long long due_of(const of_transfer *transfer) {
    return connects(transfer) ? transfer->connect_end : end_of(transfer);
}

static bool overdue(const of_transfer *transfer) {
    return due_of(transfer) <= transfer->driver->context.now;
}

static void expect(of_driver *driver, const of_transfer *transfer) {
    long long due = due_of(transfer);
    if (driver->due == 0 || due < driver->due)
        driver->due = due;
}

/* It is about to be connected. */
static void expect_connection(of_driver *driver, of_transfer *transfer) {
    long long end = end_of(transfer);
    transfer->connect_end = driver->context.now + transfer->owner->config.options.connect_timeout;
    if (transfer->connect_end > end)
        transfer->connect_end = end;
    if (driver->due == 0 || transfer->connect_end < driver->due)
        driver->due = transfer->connect_end;
}

/* "2", "0.25" */
static void write_seconds(char text[32], long milliseconds) {
    int length = snprintf(text, 32, "%ld.%03ld", milliseconds / 1000, milliseconds % 1000);
    while (length > 1 && text[length - 1] == '0')
        text[--length] = '\0';
    if (length > 1 && text[length - 1] == '.')
        text[length - 1] = '\0';
}

static void end_late(of_transfer *transfer) {
    char message[CURL_ERROR_SIZE];
    char seconds[32];
    write_seconds(seconds, transfer->timeout);
    if (transfer->slot == NULL) {
        snprintf(message, sizeof message, "no turn within %s s: too many calls are under way",
                 seconds);
    } else {
        (void)of_carrier_read(transfer->slot, CURLE_OPERATION_TIMEDOUT, message, sizeof message);
        if (!connects(transfer)) {
            snprintf(message, sizeof message, "no %s within %s s",
                     transfer->status == 0 ? "answer" : "whole answer", seconds);
        } else if (transfer->connect_end == end_of(transfer)) {
            snprintf(message, sizeof message, "no connection within %s s", seconds);
        } else {
            write_seconds(seconds, transfer->owner->config.options.connect_timeout);
            snprintf(message, sizeof message, "no connection within %s s (connect_timeout)",
                     seconds);
        }
    }
    of_driver_end(transfer, OF_TIMEOUT, message);
}

static void end_overdue(of_driver *driver, of_list *list) {
    of_transfer *transfer = list->first;
    while (transfer != NULL) {
        of_transfer *next = transfer->next;
        if (overdue(transfer))
            end_late(transfer);
        else
            expect(driver, transfer);
        transfer = next;
    }
}

void of_driver_add(of_driver *driver, of_transfer *transfer) {
    transfer->driver = driver;
    of_list_append(&driver->queued, transfer);
    driver->startable = true;
    expect(driver, transfer);
}

static const char NO_SETTING_UP[] =
    "libcurl could not be set up for the request: it has no memory, or lacks an option";

static void start(of_driver *driver, of_transfer *transfer) {
    of_owner *owner = transfer->owner;
    char message[OF_TARGET_MESSAGE];
    if (overdue(transfer)) {
        end_late(transfer);
        return;
    }
    if (transfer->target != NULL && !of_target_rewind(transfer->target)) {
        of_target_failure(transfer->target, message, sizeof message);
        of_driver_end(transfer, OF_IO, message);
        return;
    }
    expect_connection(driver, transfer);
    of_carrier *slot = of_driver_open(driver) ? of_carrier_take(owner, &driver->context) : NULL;
    if (slot == NULL || !of_carrier_arm(slot, transfer)) {
        const char *shortage = slot == NULL ? of_shortage_now() : NULL;
        if (slot != NULL)
            of_carrier_free(slot);
        of_driver_end(transfer, shortage != NULL ? OF_CONNECTION : OF_MEMORY,
                      shortage != NULL ? shortage : NO_SETTING_UP);
        return;
    }
    of_list_remove(&driver->queued, transfer);
    of_list_append(&driver->running, transfer);
    transfer->slot = slot;
    atomic_store_explicit(&transfer->state, OF_RUNNING, memory_order_relaxed);
    owner->shares[driver->context.share].running++;
    /* Of a handle whose adding failed libcurl may know: it is removed after all the others. */
    check(driver, curl_multi_add_handle(driver->multi, of_carrier_easy(slot)));
}

static void start_queued(of_driver *driver) {
    of_transfer *transfer = driver->queued.first;
    while (transfer != NULL && driver->failure == CURLM_OK) {
        of_transfer *next = transfer->next;
        const of_owner *owner = transfer->owner;
        if (owner->shares[driver->context.share].running < owner->config.options.concurrency)
            start(driver, transfer);
        transfer = next;
    }
}

/* Nothing was sent on the stale connection: once more, on a new one. */
static void start_fresh(of_driver *driver, of_transfer *transfer) {
    CURL *easy = of_carrier_easy(transfer->slot);
    transfer->stop = OF_STOP_NONE;
    transfer->fresh = true;
    check(driver, curl_multi_remove_handle(driver->multi, easy));
    expect_connection(driver, transfer);
    if (!of_carrier_arm(transfer->slot, transfer))
        of_driver_end(transfer, OF_MEMORY, NO_SETTING_UP);
    else if (driver->failure == CURLM_OK)
        check(driver, curl_multi_add_handle(driver->multi, easy));
}

static void collect(of_driver *driver) {
    CURLMsg *news;
    int left;
    while ((news = curl_multi_info_read(driver->multi, &left)) != NULL) {
        if (news->msg != CURLMSG_DONE)
            continue;
        CURLcode code = news->data.result; /* the news dies with the handle's removal */
        of_transfer *transfer = of_carrier_transfer(news->easy_handle);
        if (transfer == NULL) {
            check(driver, CURLM_BAD_EASY_HANDLE);
            continue;
        }
        bool stale = transfer->stop == OF_STOP_STALE;
        bool in_time = end_of(transfer) > driver->context.now;
        if (stale && in_time) {
            start_fresh(driver, transfer);
            continue;
        }
        if (stale || transfer->stop == OF_STOP_LATE ||
            (code == CURLE_OPERATION_TIMEDOUT && transfer->wire == 0)) {
            end_late(transfer);
            continue;
        }
        char message[CURL_ERROR_SIZE + 256] = "";
        of_kind kind = of_carrier_read(transfer->slot, code, message, sizeof message);
        of_driver_end(transfer, kind, message);
    }
}

void of_driver_resume(of_transfer *transfer) {
    if (!of_carrier_resume(transfer->slot)) /* what had come may have a hole now */
        check(transfer->driver, CURLM_OUT_OF_MEMORY);
}

/* What was done is done; what runs ends, sent or not. The next transfer gets a new curl_multi, and
   new connections. */
static void replace_multi(of_driver *driver) {
    char message[128];
    snprintf(message, sizeof message, "libcurl failed and was set up again: %s",
             curl_multi_strerror(driver->failure));
    if (driver->multi != NULL)
        collect(driver);
    while (driver->running.first != NULL)
        of_driver_end(driver->running.first, OF_MEMORY, message);
    close_multi(driver);
}

static void go_on(of_driver *driver) {
    driver->still = false;
    for (of_transfer *transfer = driver->running.first; transfer != NULL;
         transfer = transfer->next) {
        if (!of_carrier_go_on(transfer->slot))
            driver->failure = CURLM_OUT_OF_MEMORY;
    }
}

static void act(of_driver *driver) {
    if (driver->running.count == 0 || driver->failure != CURLM_OK)
        return;
    if (driver->ready || driver->starved)
        act_on_sockets(driver);
    act_on_time(driver);
    if (driver->failure == CURLM_OK)
        collect(driver);
    if (driver->still && driver->failure == CURLM_OK)
        go_on(driver);
}

/* What has come until now, as far as it can be read at once. */
static void read_on(of_driver *driver) {
    for (int round = 0; round < PASS_ROUNDS || of_now() - driver->context.now < PASS_MILLISECONDS;
         round++) {
        long long next = driver->deadline;
        of_driver_poll(&driver, 1, NULL, 0, 0);
        if (!driver->ready && (next < 0 || next > of_now() + 1))
            break;
        act(driver);
    }
}

/* A time that is up ends a transfer after it was read on: what came before counts. */
static void meet_due(of_driver *driver) {
    bool some = false;
    for (of_transfer *transfer = driver->running.first; transfer != NULL;
         transfer = transfer->next) {
        if (overdue(transfer)) {
            some = true;
            of_carrier_keep_connecting(transfer->slot);
        }
    }
    act(driver);
    if (some)
        read_on(driver);
    driver->due = 0;
    end_overdue(driver, &driver->queued);
    end_overdue(driver, &driver->running);
}

void of_driver_step(of_driver *driver) {
    if (driver->context.connections.suspect)
        of_connections_forget_closed(&driver->context.connections);
    driver->context.now = of_now();
    while (driver->startable && driver->failure == CURLM_OK) {
        driver->startable = false;
        start_queued(driver);
    }
    if (driver->due != 0 && driver->due <= driver->context.now)
        meet_due(driver);
    else
        act(driver);
    if (driver->failure != CURLM_OK)
        replace_multi(driver);
}

bool of_driver_disconnect(of_driver *driver, uint64_t number) {
    if (!of_connections_disconnect(&driver->context.connections, number))
        return false;
    of_driver_end_disconnected(driver);
    return true;
}

void of_driver_end_disconnected(of_driver *driver) {
    of_transfer *transfer = driver->running.first;
    while (transfer != NULL) {
        of_transfer *next = transfer->next;
        if (transfer->connection != NULL && of_connection_disconnected(transfer->connection))
            of_driver_end(transfer, OF_CONNECTION, OF_DISCONNECTED);
        transfer = next;
    }
}

/* ---- the end ------------------------------------------------------------------------------ */

void of_driver_let_go(of_driver *driver, of_owner *owner) {
    of_share *share = &owner->shares[driver->context.share];
    while (share->idle != NULL)
        of_carrier_free(of_carrier_take(owner, &driver->context));
    curl_url_cleanup(share->origin);
    share->origin = NULL;
}

void of_driver_close(of_driver *driver) {
    close_multi(driver);
    of_connections_free(&driver->context.connections);
    free(driver->watched);
    free(driver->places);
    free(driver->polled);
    driver->watched = driver->polled = NULL;
    driver->places = NULL;
    driver->watched_capacity = driver->place_count = driver->polled_capacity = 0;
}

static void abandon_all(of_list *list) {
    while (list->first != NULL) {
        list->first->slot = NULL;
        of_driver_end(list->first, OF_CANCELLED,
                      "the call belongs to the process that forked this one");
    }
}

void of_driver_abandon(of_driver *driver) {
    of_connections_clear(&driver->context.connections);
    forget_multi(driver);
    abandon_all(&driver->queued);
    abandon_all(&driver->running);
}
