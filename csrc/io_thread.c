#define _GNU_SOURCE
#include "io_thread.h"

#include "curl_init.h"
#include "door.h"
#include "driver.h"
#include "ledger.h"
#include "system.h"
#include "threaded_queue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    WAITING_MOST = 1000,         /* transfers of one engine beyond those that may run */
    IDLE_MILLISECONDS = 3600000, /* nothing to do: only the descriptors wake it */
    BLIND_MILLISECONDS = 100,    /* when not all can be waited for */
};

typedef enum phase { ABSENT, RUNS, STOPS } phase;

/* At the end of the process: what may be dropped is dropped before anything is told. */
typedef enum drain { NO_DRAIN, DRAIN_WANTED, DRAIN_BEGUN } drain;

/* One for the process, as there is one thread. */
static struct io {
    pthread_once_t once;
    bool usable;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something that somebody may wait for */
    phase phase;
    bool exiting; /* the process ends: no new thread */
    bool park;
    bool parked; /* between libcurl's calls, while the process forks */
    bool news;   /* submitted, cancels, closings or disconnects: not looked at yet */
    bool sleeps; /* and must be woken */
    pthread_t thread;
    int wake[2];
    long waiters; /* threads that wait for a transfer */
    of_list submitted;
    bool cancels;
    bool closings;
    bool disconnects;
    drain drain;
    of_owner *owners; /* that use the thread */
    of_door door;
    of_driver driver;
    of_driver *adopted;  /* not looked at yet */
    of_driver **drivers; /* the thread's: its own, and those that it adopted */
    size_t driver_count;
    size_t driver_capacity;
    struct pollfd *watched; /* the thread's: the pipe, and the door's */
    unsigned watched_capacity;
    struct pollfd first; /* serves until there is memory: the pipe is always watched */
} io = {.once = PTHREAD_ONCE_INIT,
        .wake = {-1, -1},
        .door = {.fd = -1},
        .watched = &io.first,
        .watched_capacity = 1};

/* ---- the lock, and what happens to it in a fork ------------------------------------------------
 */

static void wake_locked(void) {
    io.news = true;
    if (io.sleeps) {
        io.sleeps = false;
        (void)!write(io.wake[1], "", 1);
    }
}

static void init_changed(void) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
#ifndef __APPLE__
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    pthread_cond_init(&io.changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* Other threads may fork, or stop the I/O thread, while this one waits: `park` and the phase are
   what they made of them. */
static void before_fork(void) {
    pthread_mutex_lock(&io.lock);
    while (io.phase == STOPS || (io.phase == RUNS && !io.parked)) {
        io.park = true;
        wake_locked();
        pthread_cond_wait(&io.changed, &io.lock);
    }
}

static void in_parent(void) {
    io.park = io.parked = false;
    pthread_cond_broadcast(&io.changed);
    pthread_mutex_unlock(&io.lock);
}

static void announce_locked(of_transfer *transfer);

static of_list released_in_child;

static void announce_in_child(of_transfer *transfer) {
    announce_locked(transfer);
    if (transfer->released) /* freed when the lock is */
        of_list_append(&released_in_child, transfer);
}

static void abandon(of_driver *driver) {
    driver->announce = announce_in_child;
    of_driver_abandon(driver);
}

/* Takes an engine out of those that use the thread -> the list of those that it had a reference to.
 */
static of_owner *unlink_owner(of_owner **link, of_owner *drained) {
    of_owner *owner = *link;
    *link = owner->next_threaded;
    owner->next_threaded = NULL;
    if (owner->draining) {
        owner->next_threaded = drained;
        drained = owner;
    }
    owner->threaded = owner->closing = owner->draining = false;
    return drained;
}

static void unref_all(of_owner *drained) {
    while (drained != NULL) {
        of_owner *owner = drained;
        drained = owner->next_threaded;
        of_owner_unref(owner);
    }
}

static void free_drivers(void) {
    free(io.drivers);
    io.drivers = NULL;
    io.driver_count = io.driver_capacity = 0;
}

static void free_adopted(of_owner *owner) {
    if (owner->adopted == NULL)
        return;
    of_driver_close(owner->adopted);
    free(owner->adopted);
    owner->adopted = NULL;
}

/* Of what the parent's thread had, nothing is kept but what its owners in here still hold. */
static void free_in_child(of_owner *drained) {
    while (released_in_child.first != NULL) {
        of_transfer *transfer = released_in_child.first;
        of_list_remove(&released_in_child, transfer);
        transfer->owner->calls->end_transfer(transfer, true);
    }
    unref_all(drained);
}

/* The thread is not here, and what it had is the parent's. */
static void in_child(void) {
    of_owner *drained = NULL;
    init_changed();
    io.park = io.parked = io.sleeps = io.news = io.cancels = io.closings = io.disconnects = false;
    io.waiters = 0;
    of_threaded_queues_abandon();
    of_door_close(&io.door, false);
    io.door.full = false;
    of_close_pipe(io.wake);
    while (io.submitted.first != NULL) {
        of_transfer *transfer = io.submitted.first;
        of_list_remove(&io.submitted, transfer);
        of_driver_add(&io.driver, transfer);
    }
    of_ledger_abandon();
    abandon(&io.driver);
    while (io.owners != NULL) {
        of_owner *owner = io.owners;
        owner->shares[OF_THREAD] = (of_share){.idle = NULL};
        if (owner->adopted != NULL) {
            abandon(owner->adopted);
            owner->shares[OF_INLINE] = (of_share){.idle = NULL};
            free_adopted(owner);
        }
        drained = unlink_owner(&io.owners, drained);
    }
    io.adopted = NULL;
    io.drain = NO_DRAIN;
    free_drivers();
    io.phase = ABSENT;
    pthread_mutex_unlock(&io.lock);
    free_in_child(drained);
}

static void stop_at_exit(void);

/* The order counts: libcurl first, so that at exit the thread ends before libcurl and TLS do; the
   connections before the fork handlers, so that the thread parks before they are locked. */
static void init(void) {
    if (of_global_init() == OF_ZEROING_FAILED || !of_connections_init() ||
        pthread_mutex_init(&io.lock, NULL) != 0)
        return;
    init_changed();
    io.usable = pthread_atfork(before_fork, in_parent, in_child) == 0 && atexit(stop_at_exit) == 0;
}

static void lock(void) {
    pthread_once(&io.once, init);
    pthread_mutex_lock(&io.lock);
}

static void unlock(void) { pthread_mutex_unlock(&io.lock); }

static const of_lock io_lock = {.take = lock, .release = unlock};

/* ---- what is done ------------------------------------------------------------------------- */

static void announce_locked(of_transfer *transfer) {
    of_owner *owner = transfer->owner;
    if (--owner->pending == 0 && owner->draining)
        owner->closing = io.closings = io.news = true;
    atomic_store_explicit(&transfer->state, OF_DONE, memory_order_release);
    if (transfer->queue != NULL && !transfer->released)
        of_queue_push(transfer->queue, transfer);
    if (io.waiters > 0)
        pthread_cond_broadcast(&io.changed);
}

static void announce(of_transfer *transfer) {
    lock();
    bool released = transfer->released;
    announce_locked(transfer);
    of_ledger_tell_late(transfer);
    unlock();
    if (released) {
        of_ledger_tell(transfer);
        transfer->owner->calls->end_transfer(transfer, true);
    }
}

void of_io_detach(of_transfer *transfer) {
    of_queue *queue = transfer->queue;
    lock();
    of_ledger_remove(transfer);
    if (queue != NULL && queue->lock != NULL && transfer->number != 0) {
        of_queue_drop(queue, transfer);
        of_queue_give_number(queue, transfer->number);
    }
    unlock();
}

/* ---- visitors ----------------------------------------------------------------------------- */

static void left(of_visitor *visitor) {
    of_threaded_queue_leave(visitor);
    of_door_show_out(&io.door, visitor);
}

static void serve(unsigned count) {
    /* Backwards: who leaves is replaced by the last one. */
    for (unsigned i = count; i-- > 1;) {
        if (io.watched[i + 1].revents == 0)
            continue;
        of_visitor *visitor = io.door.visitors[i - 1];
        unsigned long number = 0;
        of_word word = of_door_hear(visitor, &number);
        lock();
        if (word == OF_WORD_LEFT ||
            (word == OF_WORD_NUMBER && !of_threaded_queue_visit(visitor, number)))
            left(visitor);
        unlock();
    }
    if (count > 0 && io.watched[1].revents != 0) {
        lock();
        of_door_admit(&io.door);
        unlock();
    }
}

/* ---- the thread --------------------------------------------------------------------------- */

static void drop_cancelled(of_list *list) {
    of_transfer *transfer = list->first;
    while (transfer != NULL) {
        of_transfer *next = transfer->next;
        lock();
        bool cancel = transfer->cancel;
        unlock();
        if (cancel && of_transfer_droppable(transfer))
            of_driver_end(transfer, OF_CANCELLED, "cancelled");
        transfer = next;
    }
}

/* Of an owner; NULL: of all. */
static void drop_droppable(of_list *list, const of_owner *owner, const char *message) {
    of_transfer *transfer = list->first;
    while (transfer != NULL) {
        of_transfer *next = transfer->next;
        if ((owner == NULL || transfer->owner == owner) && of_transfer_droppable(transfer))
            of_driver_end(transfer, OF_CANCELLED, message);
        transfer = next;
    }
}

static void end_all(of_list *list, const of_owner *owner, const char *message) {
    of_transfer *transfer = list->first;
    while (transfer != NULL) {
        of_transfer *next = transfer->next;
        if (owner == NULL || transfer->owner == owner)
            of_driver_end(transfer, OF_CANCELLED, message);
        transfer = next;
    }
}

static void forget_adopted(const of_driver *driver) {
    for (size_t i = 1; i < io.driver_count; i++) {
        if (io.drivers[i] == driver)
            io.drivers[i] = io.drivers[--io.driver_count];
    }
}

/* Everything that the thread has of an owner; NULL: of all. */
static void let_go(const of_owner *wanted, const char *message) {
    for (size_t i = 0; i < io.driver_count; i++) {
        end_all(&io.drivers[i]->queued, wanted, message);
        end_all(&io.drivers[i]->running, wanted, message);
    }
    lock();
    of_owner *drained = NULL;
    of_owner **link = &io.owners;
    while (*link != NULL) {
        of_owner *owner = *link;
        if (wanted != NULL && owner != wanted) {
            link = &owner->next_threaded;
            continue;
        }
        of_driver_let_go(&io.driver, owner);
        if (owner->adopted != NULL) {
            forget_adopted(owner->adopted);
            of_driver_let_go(owner->adopted, owner);
            free_adopted(owner);
        }
        drained = unlink_owner(link, drained);
    }
    pthread_cond_broadcast(&io.changed);
    unlock();
    unref_all(drained);
}

/* An engine whose owner is gone -> is nothing left of it? */
static bool wind_up(of_owner *owner) {
    drop_droppable(&io.driver.queued, owner, "cancelled");
    drop_droppable(&io.driver.running, owner, "cancelled");
    lock();
    bool left = owner->pending > 0;
    if (left) {
        owner->closing = false;
        if (!owner->draining)
            of_owner_ref(owner);
        owner->draining = true;
        pthread_cond_broadcast(&io.changed);
    }
    unlock();
    return !left;
}

/* Under the lock. */
static void take_submitted(void) {
    while (io.submitted.first != NULL) {
        of_transfer *transfer = io.submitted.first;
        of_list_remove(&io.submitted, transfer);
        of_driver_add(&io.driver, transfer);
        of_driver_widen(&io.driver, transfer->owner->config.options.concurrency);
    }
}

static void close_wanted(void) {
    for (;;) {
        lock();
        take_submitted(); /* of an engine that wants to be closed since the last look, too */
        of_owner *owner = io.owners;
        while (owner != NULL && !owner->closing)
            owner = owner->next_threaded;
        bool dropped = owner != NULL && owner->dropped;
        unlock();
        if (owner == NULL)
            return;
        if (!dropped || wind_up(owner))
            let_go(owner, "the client was closed");
    }
}

/* Without memory for one more, what it carries ends, and is told. */
static void take_adopted(of_driver *adopted) {
    while (adopted != NULL) {
        of_driver *driver = adopted;
        adopted = driver->next_adopted;
        if (io.driver_count == io.driver_capacity) {
            size_t capacity = io.driver_capacity * 2;
            of_driver **drivers = realloc(io.drivers, capacity * sizeof(void *));
            if (drivers == NULL) {
                end_all(&driver->running, NULL, "out of memory");
                continue;
            }
            io.drivers = drivers;
            io.driver_capacity = capacity;
        }
        io.drivers[io.driver_count++] = driver;
    }
}

/* Nothing more is sent, and nothing is waited for that can be asked again. */
static void begin_drain(void) {
    for (size_t i = 0; i < io.driver_count; i++) {
        drop_droppable(&io.drivers[i]->queued, NULL, "the process ends");
        drop_droppable(&io.drivers[i]->running, NULL, "the process ends");
    }
    lock();
    io.drain = DRAIN_BEGUN;
    pthread_cond_broadcast(&io.changed);
    unlock();
}

/* The pipe first, then the door's -> how many of the door's. */
static unsigned watch(void) {
    lock();
    unsigned count = io.door.fd >= 0 ? (unsigned)io.door.count + 1 : 0;
    if (count + 1 > io.watched_capacity) {
        unsigned capacity = (count + 1) * 2;
        struct pollfd *watched =
            realloc(io.watched != &io.first ? io.watched : NULL, capacity * sizeof *watched);
        if (watched != NULL) {
            io.watched = watched;
            io.watched_capacity = capacity;
        } else { /* whoever knocks waits until there is memory */
            count = 0;
        }
    }
    io.watched[0] = (struct pollfd){.fd = io.wake[0], .events = POLLIN};
    if (count == io.door.count + 1)
        of_door_watch(&io.door, io.watched + 1);
    else
        count = 0;
    unlock();
    return count;
}

static void sleep_until_news(void) {
    unsigned count = watch();
    lock();
    bool blind = io.door.full || (io.door.fd >= 0 && count == 0);
    bool news = io.news;
    io.sleeps = !news;
    unlock();
    if (!news) {
        of_driver_poll(io.drivers, io.driver_count, io.watched, count + 1,
                       blind ? BLIND_MILLISECONDS : IDLE_MILLISECONDS);
        lock();
        io.sleeps = false;
        unlock();
        if (io.watched[0].revents != 0) {
            char bytes[16];
            while (read(io.wake[0], bytes, sizeof bytes) == sizeof bytes)
                continue;
        }
        io.door.full = false;
        serve(count);
    }
}

/* What the others want of it -> false: that it ends. */
static bool take_news(void) {
    lock();
    while (io.park && io.phase == RUNS) { /* who forks waits for a thread that stops */
        io.parked = true;
        pthread_cond_broadcast(&io.changed);
        pthread_cond_wait(&io.changed, &io.lock);
    }
    io.parked = false;
    io.news = false;
    take_submitted();
    bool cancels = io.cancels;
    bool closings = io.closings;
    bool disconnects = io.disconnects;
    bool go_on = io.phase == RUNS;
    bool drains = io.drain == DRAIN_WANTED;
    of_driver *adopted = io.adopted;
    io.adopted = NULL;
    io.cancels = io.closings = io.disconnects = false;
    unlock();
    if (disconnects)
        of_driver_end_disconnected(&io.driver);
    if (cancels) {
        drop_cancelled(&io.driver.queued);
        drop_cancelled(&io.driver.running);
    }
    take_adopted(adopted);
    if (closings)
        close_wanted();
    if (drains)
        begin_drain();
    return go_on;
}

static void *run(void *unused) {
    while (take_news()) {
        for (size_t i = 0; i < io.driver_count; i++) {
            of_driver_step(io.drivers[i]);
        }
        of_threaded_queues_signal(&io_lock);
        sleep_until_news();
    }
    let_go(NULL, "the process ends");
    of_threaded_queues_signal(&io_lock);
    of_driver_close(&io.driver);
    lock();
    of_threaded_queues_leave();
    of_door_close(&io.door, true);
    of_close_pipe(io.wake);
    if (io.watched != &io.first)
        free(io.watched);
    io.watched = &io.first;
    io.watched_capacity = 1;
    free_drivers();
    unlock();
    return unused;
}

/* ---- its beginning and end ---------------------------------------------------------------- */

static bool open_drivers(void) {
    io.driver_capacity = 4;
    io.drivers = calloc(io.driver_capacity, sizeof(void *));
    if (io.drivers == NULL)
        return false;
    io.drivers[0] = &io.driver;
    io.driver_count = 1;
    return true;
}

/* Under the lock; NULL: it runs. Otherwise of which kind that is. */
static const char *start_locked(of_kind *kind) {
    *kind = OF_MEMORY;
    while (io.phase == STOPS)
        pthread_cond_wait(&io.changed, &io.lock);
    if (io.exiting)
        return "the process is about to end";
    if (io.phase == RUNS)
        return NULL;
    if (!io.usable)
        return "no I/O thread can be had";
    io.driver.context.share = OF_THREAD;
    io.driver.announce = announce;
    bool opened = of_driver_open(&io.driver) && open_drivers();
    if (!opened || !of_pipe(io.wake)) {
        const char *shortage = opened ? of_shortage(errno) : of_shortage_now();
        of_driver_close(&io.driver); /* some are free again */
        free_drivers();
        if (shortage != NULL)
            *kind = OF_CONNECTION;
        return shortage != NULL ? shortage : "no memory for the I/O thread";
    }
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&io.thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed) {
        of_driver_close(&io.driver);
        free_drivers();
        of_close_pipe(io.wake);
        return "the I/O thread could not be started";
    }
    io.phase = RUNS;
    return NULL;
}

/* Under the lock, which it lets go meanwhile. */
static void stop_locked(void) {
    if (io.phase != RUNS)
        return;
    io.phase = STOPS;
    pthread_cond_broadcast(&io.changed);
    wake_locked();
    pthread_mutex_unlock(&io.lock);
    pthread_join(io.thread, NULL);
    pthread_mutex_lock(&io.lock);
    io.phase = ABSENT;
    pthread_cond_broadcast(&io.changed);
}

/* At an absolute time of the clock that `changed` waits by. */
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

/* What an inline driver of this thread has under way, the I/O thread carries on. */
static void hand_over_inline(void) {
    for (;;) {
        lock();
        of_transfer *transfer = of_ledger_inline();
        of_owner *owner = transfer != NULL ? transfer->owner : NULL;
        if (owner != NULL)
            of_owner_ref(owner);
        unlock();
        if (owner == NULL)
            return;
        bool handed_over = owner->calls->hand_over(owner);
        of_owner_unref(owner);
        if (!handed_over)
            return;
    }
}

/* First it is told what is under way, as somebody may kill the process while it waits. */
static void stop_at_exit(void) {
    hand_over_inline();
    lock();
    io.exiting = true;
    if (io.phase == RUNS) {
        io.drain = DRAIN_WANTED;
        wake_locked();
        while (io.phase == RUNS && io.drain != DRAIN_BEGUN)
            pthread_cond_wait(&io.changed, &io.lock);
    }
    of_ledger_tell_end();
    const long most = of_ledger_drain();
    const struct timespec until = after(most > 0 ? most : 0);
    io.waiters++;
    while (io.phase == RUNS && of_ledger_drain() > 0 &&
           pthread_cond_timedwait(&io.changed, &io.lock, &until) == 0)
        continue;
    io.waiters--;
    stop_locked();
    unlock();
}

of_queue *of_io_queue_new(void) { return of_threaded_queue_new(&io_lock); }

/* ---- for the owners of transfers ---------------------------------------------------------- */

static void link_owner(of_owner *owner) {
    if (owner->threaded)
        return;
    owner->threaded = true;
    owner->next_threaded = io.owners;
    io.owners = owner;
}

of_kind of_io_submit(of_transfer *transfer, const char **why) {
    of_owner *owner = transfer->owner;
    lock();
    of_kind kind;
    *why = start_locked(&kind);
    if (*why != NULL) {
        unlock();
        return kind;
    }
    kind = OF_OK;
    if (owner->pending >= owner->config.options.concurrency + WAITING_MOST) {
        kind = OF_LIMIT;
        *why = "too many calls of this client wait for their turn";
    } else if ((transfer->number = of_queue_take_number(transfer->queue)) == 0) {
        kind = OF_MEMORY;
        *why = of_no_memory;
    } else {
        link_owner(owner);
        owner->pending++;
        transfer->on_thread = true;
        if (!transfer->repeatable)
            of_ledger_add(transfer);
        of_list_append(&io.submitted, transfer);
        wake_locked();
    }
    unlock();
    return kind;
}

bool of_io_wait(of_transfer *transfer, long milliseconds) {
    const struct timespec until = after(milliseconds);
    lock();
    io.waiters++;
    bool done;
    while (!(done = of_transfer_done(transfer)) &&
           pthread_cond_timedwait(&io.changed, &io.lock, &until) == 0)
        continue;
    io.waiters--;
    unlock();
    return done;
}

void of_io_cancel(of_transfer *transfer) {
    lock();
    if (!of_transfer_done(transfer)) {
        transfer->cancel = true;
        io.cancels = true;
        wake_locked();
    }
    unlock();
}

bool of_io_orphan(of_transfer *transfer) {
    lock();
    bool done = of_transfer_done(transfer);
    if (!done) {
        transfer->released = true;
        transfer->cancel = true;
        io.cancels = true;
        wake_locked();
    }
    unlock();
    return !done;
}

void of_io_list(of_transfer *transfer) {
    lock();
    of_ledger_add(transfer);
    unlock();
}

bool of_io_adopt(of_driver *driver, of_owner *owner) {
    lock();
    of_kind kind;
    bool good = start_locked(&kind) == NULL;
    if (good) {
        driver->announce = announce;
        for (of_transfer *transfer = driver->running.first; transfer != NULL;
             transfer = transfer->next) {
            transfer->on_thread = true;
            owner->pending++;
        }
        link_owner(owner);
        if (!owner->draining)
            of_owner_ref(owner);
        owner->draining = true;
        owner->adopted = driver;
        driver->next_adopted = io.adopted;
        io.adopted = driver;
        wake_locked();
    }
    unlock();
    return good;
}

void of_io_disconnect(uint64_t number) {
    lock();
    if (of_connections_disconnect(&io.driver.context.connections, number)) {
        io.disconnects = true;
        wake_locked();
    }
    unlock();
}

void of_io_close(of_owner *owner, bool dropped) {
    lock();
    if (owner->threaded) {
        owner->closing = true;
        owner->dropped = dropped;
        io.closings = true;
        wake_locked();
        while (owner->threaded && !(dropped && owner->draining) && io.phase != ABSENT)
            pthread_cond_wait(&io.changed, &io.lock);
        if (io.owners == NULL && io.submitted.first == NULL)
            stop_locked();
    }
    unlock();
}

const char *of_io_door(const char *folder, of_kind *kind, const char **why) {
    lock();
    *why = start_locked(kind);
    if (*why == NULL && io.door.fd < 0) {
        *kind = OF_VALIDATION;
        *why = of_door_open(&io.door, folder);
        const char *shortage = *why != NULL ? of_shortage_now() : NULL;
        if (shortage != NULL) {
            *kind = OF_CONNECTION;
            *why = shortage;
        }
        wake_locked();
    }
    const char *path = *why == NULL ? io.door.path : NULL;
    unlock();
    return path;
}
