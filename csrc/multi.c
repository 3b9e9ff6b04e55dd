#include "multi.h"

#include "easy.h"
#include "system.h"
#include "wakeup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    POOL = 16,               /* minimum of connections to keep */
    BUSY_MILLISECONDS = 100, /* while transfers run, libcurl is called at least this often */
    NO_MEMORY_MILLISECONDS = 10,
    PASS_MILLISECONDS = 50, /* time limit for reading what arrived before a time-out, */
    PASS_ROUNDS = 2,        /* but at least this many rounds */
};

/* ---- watched sockets ------------------------------------------------------------------------- */

static void unwatch(of_multi *multi, size_t fd) {
    if (fd >= multi->place_count || multi->places[fd] == 0)
        return;
    size_t place = multi->places[fd];
    const struct pollfd *last = &multi->watched[--multi->watched_count];
    multi->watched[place - 1] = *last;
    multi->places[last->fd] = place;
    multi->places[fd] = 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused) {
    (void)unused;
    of_multi *multi = context;
    size_t number = (size_t)fd;
    if (what == CURL_POLL_REMOVE) {
        unwatch(multi, number);
        multi->stalled = of_easy_stalled(easy) || multi->stalled;
        return 0;
    }
    if (!of_grow(multi->places, multi->place_count, number + 1) ||
        !of_grow(multi->watched, multi->watched_capacity, multi->watched_count + 1)) {
        multi->failure = CURLM_OUT_OF_MEMORY; /* a socket that is not watched would wait for ever */
        return 0;
    }
    if (multi->places[number] == 0) {
        if (of_easy_connects(easy))
            of_wakeup_keep_lookup(fd);
        multi->watched[multi->watched_count++] = (struct pollfd){.fd = fd};
        multi->places[number] = multi->watched_count;
    }
    multi->watched[multi->places[number] - 1].events =
        (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
    return 0;
}

static int on_timer(CURLM *handle, long milliseconds, void *context) {
    (void)handle;
    ((of_multi *)context)->deadline = milliseconds < 0 ? -1 : of_now() + milliseconds;
    return 0;
}

static bool open_handle(of_multi *multi) {
    if (!of_connections_init())
        return false;
    int wakeup[2];
    multi->handle = of_wakeup_new_multi(wakeup);
    multi->deadline = -1;
    if (multi->handle == NULL)
        return false;
    of_connections_begin(&multi->context.connections, wakeup);
    return curl_multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi) == CURLM_OK &&
           curl_multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi) == CURLM_OK &&
           curl_multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS, multi->pool) == CURLM_OK;
}

/* After any code other than CURLM_OK the state of the curl_multi is unknown: libcurl 7.88 divides
   by zero when it is used again after it lacked memory. */
static void check(of_multi *multi, CURLMcode code) {
    if (code != CURLM_OK)
        multi->failure = code;
}

/* Clears everything that belonged to a freed curl_multi. */
static void forget_handle(of_multi *multi) {
    multi->handle = NULL;
    multi->failure = CURLM_OK;
    multi->deadline = -1;
    multi->watched_count = 0;
    if (multi->place_count > 0)
        memset(multi->places, 0, multi->place_count * sizeof *multi->places);
    multi->ready = multi->out_of_memory = false;
}

/* Frees the curl_multi, which has no transfers left. Closes the sockets that it leaves open, which
   nobody else would close. */
static void close_handle(of_multi *multi) {
    of_connections_end(&multi->context.connections);
    if (multi->handle != NULL)
        curl_multi_cleanup(multi->handle);
    of_connections_clear(&multi->context.connections);
    forget_handle(multi);
}

/* How long poll() may wait before this multi needs a step. */
static long poll_timeout(const of_multi *multi, long milliseconds) {
    if (multi->ready || multi->startable || multi->failure != CURLM_OK)
        return 0;
    if (multi->out_of_memory && milliseconds > NO_MEMORY_MILLISECONDS)
        milliseconds = NO_MEMORY_MILLISECONDS;
    if (multi->running.count + multi->queued.count == 0)
        return milliseconds;
    if (milliseconds > BUSY_MILLISECONDS)
        milliseconds = BUSY_MILLISECONDS;
    long long next = multi->deadline;
    if (multi->due != 0 && (next < 0 || multi->due < next))
        next = multi->due;
    if (next >= 0) {
        long long left = next - of_now();
        if (left < milliseconds)
            milliseconds = left > 0 ? (long)left : 0;
    }
    return milliseconds;
}

void of_multi_poll(of_multi *const *multis, size_t count, struct pollfd *extra, size_t extra_count,
                   long milliseconds) {
    of_multi *first = multis[0]; /* its scratch memory is used */
    size_t total = extra_count;
    for (size_t i = 0; i < count; i++) {
        total += multis[i]->watched_count;
        milliseconds = poll_timeout(multis[i], milliseconds);
    }
    if (!of_grow(first->polled, first->polled_capacity, total)) {
        for (size_t i = 0; i < count; i++)
            multis[i]->out_of_memory = true;
        (void)poll(extra, (nfds_t)extra_count, NO_MEMORY_MILLISECONDS);
        return;
    }
    struct pollfd *at = first->polled;
    for (size_t i = 0; i < count; i++) {
        size_t size = multis[i]->watched_count;
        if (size > 0)
            memcpy(at, multis[i]->watched, size * sizeof *at);
        at += size;
    }
    if (extra_count > 0)
        memcpy(at, extra, extra_count * sizeof *at);
    for (size_t i = 0; i < count; i++)
        multis[i]->out_of_memory = false;
    int ready = poll(first->polled, (nfds_t)total, (int)milliseconds);
    if (ready < 0)
        return; /* a signal; the caller handles it */
    at = first->polled;
    for (size_t i = 0; i < count; i++) {
        of_multi *multi = multis[i];
        for (size_t k = 0; k < multi->watched_count; k++, at++) {
            multi->watched[k].revents = at->revents;
            multi->ready = multi->ready || at->revents != 0;
        }
        if (ready == 0 && multi->running.count > 0)
            multi->deadline = 0; /* call libcurl in any case */
    }
    for (size_t k = 0; k < extra_count; k++, at++)
        extra[k].revents = at->revents;
}

/* From the end: a removed entry is replaced by the last one, which has been handled already. */
static void act_on_sockets(of_multi *multi) {
    int running;
    multi->ready = false;
    for (size_t i = multi->watched_count; i-- > 0 && multi->failure == CURLM_OK;) {
        if (i >= multi->watched_count)
            continue;
        struct pollfd *socket = &multi->watched[i];
        short events = socket->revents;
        socket->revents = 0;
        if (events == 0 && !multi->out_of_memory)
            continue;
        int mask = (events & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) |
                   (events & POLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0);
        check(multi, curl_multi_socket_action(multi->handle, socket->fd, mask, &running));
    }
}

/* After a call that was too early libcurl does not repeat its next time, so it is asked. */
static void act_on_time(of_multi *multi) {
    int running;
    while (multi->failure == CURLM_OK && multi->deadline >= 0 && multi->deadline <= of_now()) {
        check(multi, curl_multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0, &running));
        long left = -1;
        check(multi, curl_multi_timeout(multi->handle, &left));
        multi->deadline = left < 0 ? -1 : of_now() + (left > 0 ? left : 1);
    }
}

/* ---- transfers ------------------------------------------------------------------------------- */

bool of_multi_open(of_multi *multi) {
    if (multi->handle != NULL)
        return true;
    if (multi->pool < POOL)
        multi->pool = POOL;
    if (open_handle(multi))
        return true;
    close_handle(multi);
    return false;
}

void of_multi_keep_connections(of_multi *multi, long concurrency) {
    if (multi->pool >= concurrency)
        return;
    multi->pool = concurrency;
    if (multi->handle != NULL)
        check(multi, curl_multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS, multi->pool));
}

void of_multi_end(of_transfer *transfer, of_kind kind, const char *message) {
    of_multi *multi = transfer->multi;
    if (kind != OF_OK)
        transfer->message = of_copy(message, strlen(message));
    if (kind == OF_CONNECTION && transfer->message == NULL)
        kind = OF_MEMORY;
    if (transfer->easy != NULL) {
        check(multi, curl_multi_remove_handle(multi->handle, of_easy_handle(transfer->easy)));
        of_easy_release(transfer->owner, &multi->context, transfer->easy, kind == OF_OK);
        transfer->easy = NULL;
        if (kind != OF_OK || transfer->connects > 0)
            multi->context.connections.suspect = true;
        if (kind == OF_TLS)
            multi->context.trust = OF_TRUST_NONE;
        else if (kind == OF_OK && transfer->connects > 0 && multi->context.trust != OF_TRUST)
            multi->context.trust--;
        /* libcurl (7.88) keeps a connection whose TLS lacked memory; the next request on it would
           fail. */
        if (kind == OF_MEMORY && transfer->connection != NULL)
            (void)of_connections_disconnect(&multi->context.connections,
                                            of_connection_number(transfer->connection));
    }
    if (atomic_load_explicit(&transfer->state, memory_order_relaxed) == OF_RUNNING) {
        transfer->owner->shares[multi->context.share].running--;
        of_list_remove(&multi->running, transfer);
    } else {
        of_list_remove(&multi->queued, transfer);
    }
    multi->startable = true;
    multi->ended++;
    of_transfer_forget_request(transfer);
    transfer->kind = kind;
    multi->on_done(transfer);
}

void of_multi_end_those(of_multi *multi, const of_owner *owner,
                        bool (*which)(const of_transfer *transfer), of_kind kind,
                        const char *message) {
    of_list *const lists[] = {&multi->queued, &multi->running};
    for (int i = 0; i < 2; i++) {
        of_transfer *transfer = lists[i]->first;
        while (transfer != NULL) {
            of_transfer *next = transfer->next;
            if ((owner == NULL || transfer->owner == owner) && (which == NULL || which(transfer)))
                of_multi_end(transfer, kind, message);
            transfer = next;
        }
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

/* libcurl's own time-outs compare the clock before they read received data: if the program was
   busy, an answer that has arrived would be lost. So libcurl gets no time-out for the transfer,
   and a connect timeout that is only used to divide the time among addresses and never expires
   first. */

/* The time in the queue counts. */
static long long end_of(const of_transfer *transfer) {
    return transfer->submitted + transfer->timeout;
}

static bool connects(const of_transfer *transfer) {
    return transfer->easy != NULL && transfer->wire == 0;
}

static long long due_of(const of_transfer *transfer) {
    return connects(transfer) ? transfer->connect_end : end_of(transfer);
}

static bool overdue(const of_transfer *transfer) {
    return due_of(transfer) <= transfer->multi->context.now;
}

static void expect(of_multi *multi, const of_transfer *transfer) {
    long long due = due_of(transfer);
    if (multi->due == 0 || due < multi->due)
        multi->due = due;
}

/* The transfer is about to connect: sets the end of its connect timeout. */
static void expect_connection(of_multi *multi, of_transfer *transfer) {
    long long end = end_of(transfer);
    transfer->connect_end = multi->context.now + transfer->owner->config.options.connect_timeout;
    if (transfer->connect_end > end)
        transfer->connect_end = end;
    if (multi->due == 0 || transfer->connect_end < multi->due)
        multi->due = transfer->connect_end;
}

/* Writes seconds like "2" or "0.25". */
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
    if (transfer->easy == NULL) {
        snprintf(message, sizeof message, "no turn within %s s: too many calls are under way",
                 seconds);
    } else {
        (void)of_easy_read_result(transfer->easy, CURLE_OPERATION_TIMEDOUT, message,
                                  sizeof message);
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
    of_multi_end(transfer, OF_TIMEOUT, message);
}

static void end_overdue(of_multi *multi, of_list *list) {
    of_transfer *transfer = list->first;
    while (transfer != NULL) {
        of_transfer *next = transfer->next;
        if (overdue(transfer))
            end_late(transfer);
        else
            expect(multi, transfer);
        transfer = next;
    }
}

void of_multi_add(of_multi *multi, of_transfer *transfer) {
    transfer->multi = multi;
    of_list_append(&multi->queued, transfer);
    multi->startable = true;
    expect(multi, transfer);
}

static const char NO_SETTING_UP[] =
    "libcurl could not be set up for the request: it has no memory, or lacks an option";

static void start(of_multi *multi, of_transfer *transfer) {
    of_owner *owner = transfer->owner;
    char message[OF_TARGET_MESSAGE];
    if (overdue(transfer)) {
        end_late(transfer);
        return;
    }
    if (transfer->target != NULL && !of_target_rewind(transfer->target)) {
        of_target_failure(transfer->target, message, sizeof message);
        of_multi_end(transfer, OF_IO, message);
        return;
    }
    expect_connection(multi, transfer);
    of_easy *easy = of_multi_open(multi) ? of_easy_acquire(owner, &multi->context) : NULL;
    if (easy == NULL || !of_easy_set_up(easy, transfer)) {
        const char *shortage = easy == NULL ? of_shortage_now() : NULL;
        if (easy != NULL)
            of_easy_free(easy);
        of_multi_end(transfer, shortage != NULL ? OF_CONNECTION : OF_MEMORY,
                     shortage != NULL ? shortage : NO_SETTING_UP);
        return;
    }
    of_list_remove(&multi->queued, transfer);
    of_list_append(&multi->running, transfer);
    transfer->easy = easy;
    atomic_store_explicit(&transfer->state, OF_RUNNING, memory_order_relaxed);
    owner->shares[multi->context.share].running++;
    /* If this fails, libcurl may still refer to the handle, so it is removed after all the
       others. */
    check(multi, curl_multi_add_handle(multi->handle, of_easy_handle(easy)));
}

static void start_queued(of_multi *multi) {
    of_transfer *transfer = multi->queued.first;
    while (transfer != NULL && multi->failure == CURLM_OK) {
        of_transfer *next = transfer->next;
        const of_owner *owner = transfer->owner;
        if (owner->shares[multi->context.share].running < owner->config.options.concurrency)
            start(multi, transfer);
        transfer = next;
    }
}

/* Starts the transfer again on a new connection, as nothing was sent on the stale one. */
static void start_fresh(of_multi *multi, of_transfer *transfer) {
    CURL *handle = of_easy_handle(transfer->easy);
    transfer->stop = OF_STOP_NONE;
    transfer->fresh = true;
    check(multi, curl_multi_remove_handle(multi->handle, handle));
    expect_connection(multi, transfer);
    if (!of_easy_set_up(transfer->easy, transfer))
        of_multi_end(transfer, OF_MEMORY, NO_SETTING_UP);
    else if (multi->failure == CURLM_OK)
        check(multi, curl_multi_add_handle(multi->handle, handle));
}

static void collect(of_multi *multi) {
    CURLMsg *event;
    int left;
    while ((event = curl_multi_info_read(multi->handle, &left)) != NULL) {
        if (event->msg != CURLMSG_DONE)
            continue;
        CURLcode code = event->data.result; /* the event is freed when the handle is removed */
        of_transfer *transfer = of_easy_transfer(event->easy_handle);
        if (transfer == NULL) {
            check(multi, CURLM_BAD_EASY_HANDLE);
            continue;
        }
        bool stale = transfer->stop == OF_STOP_STALE;
        bool in_time = end_of(transfer) > multi->context.now;
        if (stale && in_time) {
            start_fresh(multi, transfer);
            continue;
        }
        if (stale || transfer->stop == OF_STOP_LATE ||
            (code == CURLE_OPERATION_TIMEDOUT && transfer->wire == 0)) {
            end_late(transfer);
            continue;
        }
        char message[CURL_ERROR_SIZE + 256] = "";
        of_kind kind = of_easy_read_result(transfer->easy, code, message, sizeof message);
        of_multi_end(transfer, kind, message);
    }
}

void of_multi_resume(of_transfer *transfer) {
    if (!of_easy_resume(transfer->easy)) /* received data may be lost */
        check(transfer->multi, CURLM_OUT_OF_MEMORY);
}

/* Replaces a failed curl_multi. Transfers that are done keep their results; running ones end, sent
   or not. The next transfer gets a new curl_multi and new connections. */
static void replace_handle(of_multi *multi) {
    char message[128];
    snprintf(message, sizeof message, "libcurl failed and was set up again: %s",
             curl_multi_strerror(multi->failure));
    if (multi->handle != NULL)
        collect(multi);
    while (multi->running.first != NULL)
        of_multi_end(multi->running.first, OF_MEMORY, message);
    close_handle(multi);
}

static void go_on(of_multi *multi) {
    multi->stalled = false;
    for (of_transfer *transfer = multi->running.first; transfer != NULL;
         transfer = transfer->next) {
        if (!of_easy_go_on(transfer->easy))
            multi->failure = CURLM_OUT_OF_MEMORY;
    }
}

static void act(of_multi *multi) {
    if (multi->running.count == 0 || multi->failure != CURLM_OK)
        return;
    if (multi->ready || multi->out_of_memory)
        act_on_sockets(multi);
    act_on_time(multi);
    if (multi->failure == CURLM_OK)
        collect(multi);
    if (multi->stalled && multi->failure == CURLM_OK)
        go_on(multi);
}

/* Reads all data that has arrived and can be read at once. */
static void read_on(of_multi *multi) {
    for (int round = 0; round < PASS_ROUNDS || of_now() - multi->context.now < PASS_MILLISECONDS;
         round++) {
        long long next = multi->deadline;
        of_multi_poll(&multi, 1, NULL, 0, 0);
        if (!multi->ready && (next < 0 || next > of_now() + 1))
            break;
        act(multi);
    }
}

/* Ends overdue transfers, after reading what has arrived for them: an answer that came in time
   counts. */
static void meet_due(of_multi *multi) {
    bool some = false;
    for (of_transfer *transfer = multi->running.first; transfer != NULL;
         transfer = transfer->next) {
        if (overdue(transfer)) {
            some = true;
            of_easy_keep_connecting(transfer->easy);
        }
    }
    act(multi);
    if (some)
        read_on(multi);
    multi->due = 0;
    end_overdue(multi, &multi->queued);
    end_overdue(multi, &multi->running);
}

void of_multi_step(of_multi *multi) {
    if (multi->context.connections.suspect)
        of_connections_forget_closed(&multi->context.connections);
    multi->context.now = of_now();
    while (multi->startable && multi->failure == CURLM_OK) {
        multi->startable = false;
        start_queued(multi);
    }
    if (multi->due != 0 && multi->due <= multi->context.now)
        meet_due(multi);
    else
        act(multi);
    if (multi->failure != CURLM_OK)
        replace_handle(multi);
}

bool of_multi_disconnect(of_multi *multi, uint64_t number) {
    if (!of_connections_disconnect(&multi->context.connections, number))
        return false;
    of_multi_end_disconnected(multi);
    return true;
}

void of_multi_end_disconnected(of_multi *multi) {
    of_multi_end_those(multi, NULL, of_transfer_disconnected, OF_CONNECTION, OF_DISCONNECTED);
}

/* ---- the end --------------------------------------------------------------------------------- */

void of_multi_release(of_multi *multi, of_owner *owner) {
    of_share *share = &owner->shares[multi->context.share];
    while (share->idle != NULL)
        of_easy_free(of_easy_acquire(owner, &multi->context));
    curl_url_cleanup(share->origin);
    share->origin = NULL;
}

void of_multi_close(of_multi *multi) {
    close_handle(multi);
    of_connections_free(&multi->context.connections);
    free(multi->watched);
    free(multi->places);
    free(multi->polled);
    multi->watched = multi->polled = NULL;
    multi->places = NULL;
    multi->watched_capacity = multi->place_count = multi->polled_capacity = 0;
}

static void abandon_all(of_list *list) {
    while (list->first != NULL) {
        list->first->easy = NULL;
        of_multi_end(list->first, OF_CANCELLED,
                     "the call belongs to the process that forked this one");
    }
}

void of_multi_abandon(of_multi *multi) {
    of_connections_clear(&multi->context.connections);
    forget_handle(multi);
    abandon_all(&multi->queued);
    abandon_all(&multi->running);
}
