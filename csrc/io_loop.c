#include "io_loop.h"

#include "io_state.h"
#include "memory.h"
#include "multi.h"
#include "notify_socket.h"
#include "outstanding.h"
#include "system.h"
#include "threaded_queue.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    IDLE_MILLISECONDS = 3600000, /* without transfers: only descriptors wake the thread */
    BLIND_MILLISECONDS = 100,    /* when there is no memory to poll all descriptors */
};

void of_io_end(of_transfer *transfer) {
    of_io_lock();
    bool released = transfer->released;
    of_io_end_locked(transfer);
    of_outstanding_report_late(transfer);
    of_io_unlock();
    if (released) {
        of_outstanding_report(transfer);
        transfer->owner->calls->end_transfer(transfer, true);
    }
}

/* ---- subscribers ----------------------------------------------------------------------------- */

static void left(of_subscriber *subscriber) {
    of_threaded_queue_unsubscribe(subscriber);
    of_notify_socket_disconnect(&of_io.notify_socket, subscriber);
}

static void serve(unsigned count) {
    /* From the end: a removed subscriber is replaced by the last one. */
    for (unsigned i = count; i-- > 1;) {
        if (of_io.watched[i + 1].revents == 0)
            continue;
        of_subscriber *subscriber = of_io.notify_socket.subscribers[i - 1];
        unsigned long number = 0;
        of_subscriber_word word = of_subscriber_read(subscriber, &number);
        of_io_lock();
        if (word == OF_WORD_LEFT ||
            (word == OF_WORD_NUMBER && !of_threaded_queue_subscribe(subscriber, number)))
            left(subscriber);
        of_io_unlock();
    }
    if (count > 0 && of_io.watched[1].revents != 0) {
        of_io_lock();
        of_notify_socket_accept(&of_io.notify_socket);
        of_io_unlock();
    }
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Cancelled by its caller, and may be dropped? */
static bool cancelled(const of_transfer *transfer) {
    of_io_lock();
    bool cancel = transfer->cancel;
    of_io_unlock();
    return cancel && of_transfer_droppable(transfer);
}

static void forget_adopted(const of_multi *multi) {
    for (size_t i = 1; i < of_io.multi_count; i++) {
        if (of_io.multis[i] == multi)
            of_io.multis[i] = of_io.multis[--of_io.multi_count];
    }
}

/* Ends all transfers of an owner on the thread, and removes the owner; `wanted` NULL: of all
   owners. */
static void end_transfers(const of_owner *wanted, const char *message) {
    for (size_t i = 0; i < of_io.multi_count; i++)
        of_multi_end_those(of_io.multis[i], wanted, NULL, OF_CANCELLED, message);
    of_io_lock();
    of_owner *drained = NULL;
    of_owner **link = &of_io.owners;
    while (*link != NULL) {
        of_owner *owner = *link;
        if (wanted != NULL && owner != wanted) {
            link = &owner->next_threaded;
            continue;
        }
        of_multi_release(&of_io.multi, owner);
        if (owner->adopted != NULL) {
            forget_adopted(owner->adopted);
            of_multi_release(owner->adopted, owner);
            of_io_free_adopted(owner);
        }
        drained = of_io_unlink_owner(link, drained);
    }
    pthread_cond_broadcast(&of_io.changed);
    of_io_unlock();
    of_io_unref_all(drained);
}

/* Winds up an engine that nobody refers to any more -> true: no transfer of it is left. */
static bool wind_up(of_owner *owner) {
    of_multi_end_those(&of_io.multi, owner, of_transfer_droppable, OF_CANCELLED, "cancelled");
    of_io_lock();
    bool left = owner->pending > 0;
    if (left) {
        owner->closing = false;
        if (!owner->draining)
            of_owner_ref(owner);
        owner->draining = true;
        pthread_cond_broadcast(&of_io.changed);
    }
    of_io_unlock();
    return !left;
}

/* Under the lock. */
static void take_submitted(void) {
    while (of_io.submitted.first != NULL) {
        of_transfer *transfer = of_io.submitted.first;
        of_list_remove(&of_io.submitted, transfer);
        of_multi_add(&of_io.multi, transfer);
        of_multi_keep_connections(&of_io.multi, transfer->owner->config.options.concurrency);
    }
}

static void close_wanted(void) {
    for (;;) {
        of_io_lock();
        take_submitted(); /* also those of an engine that is to be closed */
        of_owner *owner = of_io.owners;
        while (owner != NULL && !owner->closing)
            owner = owner->next_threaded;
        bool dropped = owner != NULL && owner->dropped;
        of_io_unlock();
        if (owner == NULL)
            return;
        if (!dropped || wind_up(owner))
            end_transfers(owner, "the client was closed");
    }
}

/* Without memory for another multi, its transfers end and are reported. */
static void take_adopted(of_multi *adopted) {
    while (adopted != NULL) {
        of_multi *multi = adopted;
        adopted = multi->next_adopted;
        if (of_grow(of_io.multis, of_io.multi_capacity, of_io.multi_count + 1))
            of_io.multis[of_io.multi_count++] = multi;
        else
            of_multi_end_those(multi, NULL, NULL, OF_CANCELLED, "out of memory");
    }
}

/* From now on nothing more is sent, and only requests that must not be repeated are waited for. */
static void begin_drain(void) {
    for (size_t i = 0; i < of_io.multi_count; i++)
        of_multi_end_those(of_io.multis[i], NULL, of_transfer_droppable, OF_CANCELLED,
                           "the process ends");
    of_io_lock();
    of_io.drain = OF_IO_DRAIN_BEGUN;
    pthread_cond_broadcast(&of_io.changed);
    of_io_unlock();
}

/* Fills `watched`: the pipe first, then the notify socket's descriptors -> the number of the
   latter. */
static unsigned watch(void) {
    of_io_lock();
    unsigned count = of_io.notify_socket.fd >= 0 ? (unsigned)of_io.notify_socket.count + 1 : 0;
    if (!of_grow(of_io.watched, of_io.watched_capacity, count + 1))
        count = 0; /* the notify socket waits until there is memory */
    of_io.watched[0] = (struct pollfd){.fd = of_io.wake[0], .events = POLLIN};
    if (count > 0)
        of_notify_socket_watch(&of_io.notify_socket, of_io.watched + 1);
    of_io_unlock();
    return count;
}

static void sleep_until_pending(void) {
    unsigned count = watch();
    of_io_lock();
    bool blind = of_io.notify_socket.full || (of_io.notify_socket.fd >= 0 && count == 0);
    bool pending = of_io.pending;
    of_io.sleeps = !pending;
    of_io_unlock();
    if (!pending) {
        of_multi_poll(of_io.multis, of_io.multi_count, of_io.watched, count + 1,
                      blind ? BLIND_MILLISECONDS : IDLE_MILLISECONDS);
        of_io_lock();
        of_io.sleeps = false;
        of_io_unlock();
        if (of_io.watched[0].revents != 0) {
            char bytes[16];
            while (read(of_io.wake[0], bytes, sizeof bytes) == sizeof bytes)
                continue;
        }
        of_io.notify_socket.full = false;
        serve(count);
    }
}

/* Carries out the pending commands of other threads -> false: the thread has to end. */
static bool take_pending(void) {
    of_io_lock();
    while (of_io.park &&
           of_io.phase == OF_IO_RUNS) { /* fork() waits until this thread is parked or ends */
        of_io.parked = true;
        pthread_cond_broadcast(&of_io.changed);
        pthread_cond_wait(&of_io.changed, &of_io.lock);
    }
    of_io.parked = false;
    of_io.pending = false;
    take_submitted();
    bool cancels = of_io.cancels;
    bool closings = of_io.closings;
    bool disconnects = of_io.disconnects;
    bool go_on = of_io.phase == OF_IO_RUNS;
    bool drains = of_io.drain == OF_IO_DRAIN_WANTED;
    of_multi *adopted = of_io.adopted;
    of_io.adopted = NULL;
    of_io.cancels = of_io.closings = of_io.disconnects = false;
    of_io_unlock();
    if (disconnects)
        of_multi_end_disconnected(&of_io.multi);
    if (cancels)
        of_multi_end_those(&of_io.multi, NULL, cancelled, OF_CANCELLED, "cancelled");
    take_adopted(adopted);
    if (closings)
        close_wanted();
    if (drains)
        begin_drain();
    return go_on;
}

void *of_io_run(void *unused) {
    static const of_lock raw = {.acquire = of_io_lock, .release = of_io_unlock};
    while (take_pending()) {
        for (size_t i = 0; i < of_io.multi_count; i++) {
            of_multi_step(of_io.multis[i]);
        }
        of_threaded_queues_signal(&raw);
        sleep_until_pending();
    }
    end_transfers(NULL, "the process ends");
    of_threaded_queues_signal(&raw);
    of_multi_close(&of_io.multi);
    of_io_lock();
    of_threaded_queues_unsubscribe_all();
    of_notify_socket_close(&of_io.notify_socket, true);
    of_close_pipe(of_io.wake);
    of_io_free_lists();
    of_io_unlock();
    return unused;
}
