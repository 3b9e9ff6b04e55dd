#include "io_thread.h"

#include "curl_init.h"
#include "io_loop.h"
#include "io_state.h"
#include "multi.h"
#include "notify_socket.h"
#include "outstanding.h"
#include "system.h"
#include "threaded_queue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WAITING_MAX = 1000 }; /* transfers that may be queued for one engine */

/* ---- the lock, and fork ---------------------------------------------------------------------- */

static void init_changed(void) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
#ifndef __APPLE__
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    pthread_cond_init(&of_io.changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* `park` and the phase are read again after each wait, because meanwhile other threads may fork or
   stop the I/O thread. */
static void before_fork(void) {
    pthread_mutex_lock(&of_io.lock);
    while (of_io.phase == OF_IO_STOPS || (of_io.phase == OF_IO_RUNS && !of_io.parked)) {
        of_io.park = true;
        of_io_wake();
        pthread_cond_wait(&of_io.changed, &of_io.lock);
    }
}

static void in_parent(void) {
    of_io.park = of_io.parked = false;
    pthread_cond_broadcast(&of_io.changed);
    pthread_mutex_unlock(&of_io.lock);
}

static of_list released_in_child;

static void announce_in_child(of_transfer *transfer) {
    of_io_end_locked(transfer);
    if (transfer->released) /* freed after the lock is released */
        of_list_append(&released_in_child, transfer);
}

static void abandon(of_multi *multi) {
    multi->on_done = announce_in_child;
    of_multi_abandon(multi);
}

/* Frees the transfers of the parent's thread, except those that an owner in this process still
   holds. */
static void free_in_child(of_owner *drained) {
    while (released_in_child.first != NULL) {
        of_transfer *transfer = released_in_child.first;
        of_list_remove(&released_in_child, transfer);
        transfer->owner->calls->end_transfer(transfer, true);
    }
    of_io_unref_all(drained);
}

/* The child has no I/O thread, and what the thread had belongs to the parent. */
static void in_child(void) {
    of_owner *drained = NULL;
    init_changed();
    of_io.park = of_io.parked = of_io.sleeps = of_io.pending = of_io.cancels = of_io.closings =
        of_io.disconnects = false;
    of_io.waiters = 0;
    of_threaded_queues_abandon();
    of_notify_socket_close(&of_io.notify_socket, false);
    of_io.notify_socket.full = false;
    of_close_pipe(of_io.wake);
    while (of_io.submitted.first != NULL) {
        of_transfer *transfer = of_io.submitted.first;
        of_list_remove(&of_io.submitted, transfer);
        of_multi_add(&of_io.multi, transfer);
    }
    of_outstanding_abandon();
    abandon(&of_io.multi);
    while (of_io.owners != NULL) {
        of_owner *owner = of_io.owners;
        owner->shares[OF_THREAD] = (of_share){.idle = NULL};
        if (owner->adopted != NULL) {
            abandon(owner->adopted);
            owner->shares[OF_INLINE] = (of_share){.idle = NULL};
            of_io_free_adopted(owner);
        }
        drained = of_io_unlink_owner(&of_io.owners, drained);
    }
    of_io.adopted = NULL;
    of_io.drain = OF_IO_NO_DRAIN;
    of_io_free_lists();
    of_io.phase = OF_IO_ABSENT;
    pthread_mutex_unlock(&of_io.lock);
    free_in_child(drained);
}

static void stop_at_exit(void);

/* The order matters: libcurl first, so that at exit the I/O thread ends before libcurl and TLS are
   shut down; the connections before the fork handlers, so that a fork parks the thread before it
   locks them. */
static void init(void) {
    if (of_curl_init() == OF_ZEROING_FAILED || !of_connections_init())
        return;
    init_changed();
    of_io.usable =
        pthread_atfork(before_fork, in_parent, in_child) == 0 && atexit(stop_at_exit) == 0;
}

static void lock(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init);
    of_io_lock();
}

void of_io_detach(of_transfer *transfer) {
    of_queue *queue = transfer->queue;
    lock();
    of_outstanding_remove(transfer);
    if (queue != NULL && queue->lock != NULL && transfer->number != 0) {
        of_queue_drop(queue, transfer);
        of_queue_release_number(queue, transfer->number);
    }
    of_io_unlock();
}

/* ---- start and stop -------------------------------------------------------------------------- */

/* Under the lock. Starts the thread. NULL: it runs; otherwise why not, and `*kind`. */
static const char *start_locked(of_kind *kind) {
    *kind = OF_MEMORY;
    while (of_io.phase == OF_IO_STOPS)
        pthread_cond_wait(&of_io.changed, &of_io.lock);
    if (of_io.exiting)
        return "the process is about to end";
    if (of_io.phase == OF_IO_RUNS)
        return NULL;
    if (!of_io.usable)
        return "no I/O thread can be had";
    of_io.multi.context.share = OF_THREAD;
    of_io.multi.on_done = of_io_end;
    bool opened = of_multi_open(&of_io.multi) && of_io_make_lists();
    if (!opened || !of_pipe(of_io.wake)) {
        const char *shortage = opened ? of_shortage(errno) : of_shortage_now();
        of_multi_close(&of_io.multi); /* frees some descriptors */
        of_io_free_lists();
        if (shortage != NULL)
            *kind = OF_CONNECTION;
        return shortage != NULL ? shortage : "no memory for the I/O thread";
    }
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&of_io.thread, NULL, of_io_run, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed) {
        of_multi_close(&of_io.multi);
        of_io_free_lists();
        of_close_pipe(of_io.wake);
        return "the I/O thread could not be started";
    }
    of_io.phase = OF_IO_RUNS;
    return NULL;
}

/* Under the lock, which it releases while it waits. */
static void stop_locked(void) {
    if (of_io.phase != OF_IO_RUNS)
        return;
    of_io.phase = OF_IO_STOPS;
    pthread_cond_broadcast(&of_io.changed);
    of_io_wake();
    pthread_mutex_unlock(&of_io.lock);
    pthread_join(of_io.thread, NULL);
    pthread_mutex_lock(&of_io.lock);
    of_io.phase = OF_IO_ABSENT;
    pthread_cond_broadcast(&of_io.changed);
}

/* The time after `milliseconds`, on the clock that waits on `changed` use. */
static struct timespec after(long milliseconds) {
    struct timespec until;
#ifdef __APPLE__
    clock_gettime(CLOCK_REALTIME, &until);
#else
    clock_gettime(CLOCK_MONOTONIC, &until);
#endif
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return until;
}

/* Hands to the I/O thread what the inline multis of this thread still carry. */
static void hand_over_inline(void) {
    for (;;) {
        lock();
        of_transfer *transfer = of_outstanding_inline();
        of_owner *owner = transfer != NULL ? transfer->owner : NULL;
        if (owner != NULL)
            of_owner_ref(owner);
        of_io_unlock();
        if (owner == NULL)
            return;
        bool handed_over = owner->calls->hand_over(owner);
        of_owner_unref(owner);
        if (!handed_over)
            return;
    }
}

/* Writes the lines about running requests first, because the process may be killed while it
   waits. */
static void stop_at_exit(void) {
    hand_over_inline();
    lock();
    of_io.exiting = true;
    if (of_io.phase == OF_IO_RUNS) {
        of_io.drain = OF_IO_DRAIN_WANTED;
        of_io_wake();
        while (of_io.phase == OF_IO_RUNS && of_io.drain != OF_IO_DRAIN_BEGUN)
            pthread_cond_wait(&of_io.changed, &of_io.lock);
    }
    of_outstanding_report_end();
    const long most = of_outstanding_drain();
    const struct timespec until = after(most > 0 ? most : 0);
    of_io.waiters++;
    while (of_io.phase == OF_IO_RUNS && of_outstanding_drain() > 0 &&
           pthread_cond_timedwait(&of_io.changed, &of_io.lock, &until) == 0)
        continue;
    of_io.waiters--;
    stop_locked();
    of_io_unlock();
}

of_queue *of_io_queue_new(void) {
    static const of_lock its = {.acquire = lock, .release = of_io_unlock};
    return of_threaded_queue_new(&its);
}

/* ---- for the owners of transfers ------------------------------------------------------------- */

static void link_owner(of_owner *owner) {
    if (owner->threaded)
        return;
    owner->threaded = true;
    owner->next_threaded = of_io.owners;
    of_io.owners = owner;
}

of_kind of_io_submit(of_transfer *transfer, const char **why) {
    of_owner *owner = transfer->owner;
    lock();
    of_kind kind;
    *why = start_locked(&kind);
    if (*why != NULL) {
        of_io_unlock();
        return kind;
    }
    kind = OF_OK;
    if (owner->pending >= owner->config.options.concurrency + WAITING_MAX) {
        kind = OF_LIMIT;
        *why = "too many calls of this client wait for their turn";
    } else if ((transfer->number = of_queue_acquire_number(transfer->queue)) == 0) {
        kind = OF_MEMORY;
        *why = of_no_memory;
    } else {
        link_owner(owner);
        owner->pending++;
        transfer->on_thread = true;
        if (!transfer->repeatable)
            of_outstanding_add(transfer);
        of_list_append(&of_io.submitted, transfer);
        of_io_wake();
    }
    of_io_unlock();
    return kind;
}

bool of_io_wait(of_transfer *transfer, long milliseconds) {
    const struct timespec until = after(milliseconds);
    lock();
    of_io.waiters++;
    bool done;
    while (!(done = of_transfer_done(transfer)) &&
           pthread_cond_timedwait(&of_io.changed, &of_io.lock, &until) == 0)
        continue;
    of_io.waiters--;
    of_io_unlock();
    return done;
}

void of_io_cancel(of_transfer *transfer) {
    lock();
    if (!of_transfer_done(transfer)) {
        transfer->cancel = true;
        of_io.cancels = true;
        of_io_wake();
    }
    of_io_unlock();
}

bool of_io_orphan(of_transfer *transfer) {
    lock();
    bool done = of_transfer_done(transfer);
    if (!done) {
        transfer->released = true;
        transfer->cancel = true;
        of_io.cancels = true;
        of_io_wake();
    }
    of_io_unlock();
    return !done;
}

void of_io_list(of_transfer *transfer) {
    lock();
    of_outstanding_add(transfer);
    of_io_unlock();
}

bool of_io_adopt(of_multi *multi, of_owner *owner) {
    lock();
    of_kind kind;
    bool good = start_locked(&kind) == NULL;
    if (good) {
        multi->on_done = of_io_end;
        for (of_transfer *transfer = multi->running.first; transfer != NULL;
             transfer = transfer->next) {
            transfer->on_thread = true;
            owner->pending++;
        }
        link_owner(owner);
        if (!owner->draining)
            of_owner_ref(owner);
        owner->draining = true;
        owner->adopted = multi;
        multi->next_adopted = of_io.adopted;
        of_io.adopted = multi;
        of_io_wake();
    }
    of_io_unlock();
    return good;
}

void of_io_disconnect(uint64_t number) {
    lock();
    if (of_connections_disconnect(&of_io.multi.context.connections, number)) {
        of_io.disconnects = true;
        of_io_wake();
    }
    of_io_unlock();
}

void of_io_close(of_owner *owner, bool dropped) {
    lock();
    if (owner->threaded) {
        owner->closing = true;
        owner->dropped = dropped;
        of_io.closings = true;
        of_io_wake();
        while (owner->threaded && !(dropped && owner->draining) && of_io.phase != OF_IO_ABSENT)
            pthread_cond_wait(&of_io.changed, &of_io.lock);
        if (of_io.owners == NULL && of_io.submitted.first == NULL)
            stop_locked();
    }
    of_io_unlock();
}

const char *of_io_notify_socket(const char *folder, of_kind *kind, const char **why) {
    lock();
    *why = start_locked(kind);
    if (*why == NULL && of_io.notify_socket.fd < 0) {
        *kind = OF_VALIDATION;
        *why = of_notify_socket_open(&of_io.notify_socket, folder);
        const char *shortage = *why != NULL ? of_shortage_now() : NULL;
        if (shortage != NULL) {
            *kind = OF_CONNECTION;
            *why = shortage;
        }
        of_io_wake();
    }
    const char *path = *why == NULL ? of_io.notify_socket.path : NULL;
    of_io_unlock();
    return path;
}
