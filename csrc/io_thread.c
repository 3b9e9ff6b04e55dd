#define _GNU_SOURCE
#include "io_thread.h"

#include "door.h"
#include "driver.h"
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
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
    long waiters;               /* threads that wait for a transfer */
    unsigned long queue_number; /* the last one given */
    of_list submitted;
    bool cancels;
    bool closings;
    bool disconnects;
    of_engine *engines; /* that use the thread */
    of_queue *queues;
    of_door door;
    of_queue *to_signal; /* something came into them in this turn */
    of_driver driver;
    struct pollfd *watched; /* the thread's: the pipe, and the door's */
    unsigned watched_capacity;
} io = {.once = PTHREAD_ONCE_INIT, .wake = {-1, -1}, .door = {.fd = -1}};

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

static void close_wake(void) {
    for (int i = 0; i < 2; i++) {
        if (io.wake[i] >= 0)
            close(io.wake[i]);
        io.wake[i] = -1;
    }
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

/* The thread is not here, and what it had is the parent's. */
static void in_child(void) {
    init_changed();
    io.park = io.parked = io.sleeps = io.news = io.cancels = io.closings = io.disconnects = false;
    for (; io.to_signal != NULL; io.to_signal = io.to_signal->next_to_signal)
        io.to_signal->to_signal = false;
    io.waiters = 0;
    for (of_queue *queue = io.queues; queue != NULL; queue = queue->next_known)
        queue->visitor = NULL;
    of_door_close(&io.door, false);
    io.door.full = false;
    close_wake();
    while (io.submitted.first != NULL) {
        of_transfer *transfer = io.submitted.first;
        of_list_remove(&io.submitted, transfer);
        of_driver_add(&io.driver, transfer);
    }
    io.driver.announce = announce_locked;
    of_driver_abandon(&io.driver);
    for (of_engine *engine = io.engines; engine != NULL; engine = engine->next_threaded) {
        engine->lanes[OF_THREAD] = (of_lane){.idle = NULL};
        engine->threaded = engine->closing = false;
    }
    io.engines = NULL;
    io.phase = ABSENT;
    pthread_mutex_unlock(&io.lock);
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

void of_io_lock(void) {
    pthread_once(&io.once, init);
    pthread_mutex_lock(&io.lock);
}

void of_io_unlock(void) { pthread_mutex_unlock(&io.lock); }

void of_io_nap(long milliseconds) {
    struct timespec time = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = milliseconds % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* ---- what is done ------------------------------------------------------------------------- */

void of_io_signal_later(of_queue *queue) {
    if (queue->to_signal)
        return;
    queue->to_signal = true;
    queue->next_to_signal = io.to_signal;
    io.to_signal = queue;
}

/* Under the lock -> a queue that is held, or NULL. */
static of_queue *next_to_signal(void) {
    while (io.to_signal != NULL) {
        of_queue *queue = io.to_signal;
        io.to_signal = queue->next_to_signal;
        queue->to_signal = false;
        if (queue->done.count > 0 && of_queue_hold(queue))
            return queue;
    }
    return NULL;
}

/* Not under the lock: who is told runs at once, on another processor, and wants the lock; and this
   thread may lose its own processor in a system call. */
static void signal_all(void) {
    for (;;) {
        of_io_lock();
        of_queue *queue = next_to_signal();
        int pipe = queue != NULL ? of_queue_pipe(queue) : -1;
        of_io_unlock();
        if (queue == NULL)
            return;
        if (pipe >= 0)
            (void)!write(pipe, "", 1);
        if (queue->visitor != NULL) /* no other thread makes or unmakes visitors */
            of_door_ring(queue->visitor);
        of_queue_unref(queue);
    }
}

static void announce_locked(of_transfer *transfer) {
    transfer->engine->pending--;
    atomic_store_explicit(&transfer->state, OF_DONE, memory_order_release);
    if (transfer->queue != NULL && !transfer->released)
        of_queue_push(transfer->queue, transfer);
    if (io.waiters > 0)
        pthread_cond_broadcast(&io.changed);
}

static void announce(of_transfer *transfer) {
    of_io_lock();
    bool released = transfer->released;
    announce_locked(transfer);
    of_io_unlock();
    if (released)
        of_transfer_free(transfer, true);
}

void of_io_detach(of_transfer *transfer) {
    of_io_lock();
    of_queue_drop(transfer->queue, transfer);
    of_queue_give_number(transfer->queue, transfer->number);
    of_io_unlock();
}

void of_io_know(of_queue *queue) {
    of_io_lock();
    queue->number = ++io.queue_number;
    queue->next_known = io.queues;
    io.queues = queue;
    of_io_unlock();
}

void of_io_forget(of_queue *queue) {
    of_io_lock();
    of_queue **link = &io.queues;
    while (*link != queue)
        link = &(*link)->next_known;
    *link = queue->next_known;
    if (queue->to_signal) {
        link = &io.to_signal;
        while (*link != queue)
            link = &(*link)->next_to_signal;
        *link = queue->next_to_signal;
    }
    if (queue->visitor != NULL)
        queue->visitor->queue = NULL;
    of_io_unlock();
}

/* ---- visitors ----------------------------------------------------------------------------- */

static void left(of_visitor *visitor) {
    if (visitor->queue != NULL)
        visitor->queue->visitor = NULL;
    of_door_show_out(&io.door, visitor);
}

/* A visitor says its queue. The last one to do so is told. */
static void asked(of_visitor *visitor, unsigned long number) {
    of_queue *queue = io.queues;
    while (queue != NULL && queue->number != number)
        queue = queue->next_known;
    if (queue == NULL || visitor->queue != NULL) {
        left(visitor);
        return;
    }
    if (queue->visitor != NULL)
        queue->visitor->queue = NULL;
    queue->visitor = visitor;
    visitor->queue = queue;
    if (queue->done.count > 0)
        of_door_ring(visitor);
}

static void serve(unsigned count) {
    /* Backwards: who leaves is replaced by the last one. */
    for (unsigned i = count; i-- > 1;) {
        if (io.watched[i + 1].revents == 0)
            continue;
        of_visitor *visitor = io.door.visitors[i - 1];
        unsigned long number = 0;
        of_word word = of_door_hear(visitor, &number);
        of_io_lock();
        if (word == OF_WORD_NUMBER)
            asked(visitor, number);
        else if (word == OF_WORD_LEFT)
            left(visitor);
        of_io_unlock();
    }
    if (count > 0 && io.watched[1].revents != 0) {
        of_io_lock();
        of_door_admit(&io.door);
        of_io_unlock();
    }
}

/* ---- the thread --------------------------------------------------------------------------- */

static void drop_cancelled(of_list *list) {
    of_transfer *transfer = list->first;
    while (transfer != NULL) {
        of_transfer *next = transfer->next;
        of_io_lock();
        bool cancel = transfer->cancel;
        of_io_unlock();
        if (cancel && of_transfer_droppable(transfer))
            of_driver_end(transfer, OF_CANCELLED, "cancelled");
        transfer = next;
    }
}

static void end_all(of_list *list, const of_engine *engine, const char *message) {
    of_transfer *transfer = list->first;
    while (transfer != NULL) {
        of_transfer *next = transfer->next;
        if (engine == NULL || transfer->engine == engine)
            of_driver_end(transfer, OF_CANCELLED, message);
        transfer = next;
    }
}

/* Everything that the thread has of an engine; NULL: of all. */
static void let_go(const of_engine *wanted, const char *message) {
    end_all(&io.driver.queued, wanted, message);
    end_all(&io.driver.running, wanted, message);
    of_io_lock();
    of_engine **link = &io.engines;
    while (*link != NULL) {
        of_engine *engine = *link;
        if (wanted != NULL && engine != wanted) {
            link = &engine->next_threaded;
            continue;
        }
        of_driver_let_go(&io.driver, engine);
        *link = engine->next_threaded;
        engine->threaded = engine->closing = false;
    }
    pthread_cond_broadcast(&io.changed);
    of_io_unlock();
}

static void close_wanted(void) {
    for (;;) {
        of_io_lock();
        of_engine *engine = io.engines;
        while (engine != NULL && !engine->closing)
            engine = engine->next_threaded;
        of_io_unlock();
        if (engine == NULL)
            return;
        let_go(engine, "the client was closed");
    }
}

/* The pipe first, then the door's -> how many of the door's. */
static unsigned watch(void) {
    of_io_lock();
    unsigned count = io.door.fd >= 0 ? (unsigned)io.door.count + 1 : 0;
    if (count + 1 > io.watched_capacity) {
        unsigned capacity = (count + 1) * 2;
        struct pollfd *watched = realloc(io.watched, capacity * sizeof *watched);
        if (watched != NULL) {
            io.watched = watched;
            io.watched_capacity = capacity;
        } else { /* whoever knocks waits until there is memory */
            count = io.watched_capacity > 0 ? io.watched_capacity - 1 : 0;
        }
    }
    if (io.watched_capacity > 0)
        io.watched[0] = (struct pollfd){.fd = io.wake[0], .events = POLLIN};
    if (count == io.door.count + 1)
        of_door_watch(&io.door, io.watched + 1);
    else
        count = 0;
    of_io_unlock();
    return count;
}

static void sleep_until_news(void) {
    unsigned count = watch();
    bool blind = io.door.full || io.watched_capacity == 0;
    of_io_lock();
    bool news = io.news;
    io.sleeps = !news;
    of_io_unlock();
    if (!news) {
        of_driver *driver = &io.driver;
        of_driver_poll(&driver, 1, io.watched, io.watched_capacity > 0 ? count + 1 : 0,
                       blind ? BLIND_MILLISECONDS : IDLE_MILLISECONDS);
        of_io_lock();
        io.sleeps = false;
        of_io_unlock();
        if (io.watched_capacity > 0 && io.watched[0].revents != 0) {
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
    of_io_lock();
    while (io.park && io.phase == RUNS) { /* who forks waits for a thread that stops */
        io.parked = true;
        pthread_cond_broadcast(&io.changed);
        pthread_cond_wait(&io.changed, &io.lock);
    }
    io.parked = false;
    io.news = false;
    while (io.submitted.first != NULL) {
        of_transfer *transfer = io.submitted.first;
        of_list_remove(&io.submitted, transfer);
        of_driver_add(&io.driver, transfer);
        of_driver_widen(&io.driver, transfer->engine->concurrency);
    }
    bool cancels = io.cancels;
    bool closings = io.closings;
    bool disconnects = io.disconnects;
    bool go_on = io.phase == RUNS;
    io.cancels = io.closings = io.disconnects = false;
    of_io_unlock();
    if (disconnects)
        of_driver_end_disconnected(&io.driver);
    if (cancels) {
        drop_cancelled(&io.driver.queued);
        drop_cancelled(&io.driver.running);
    }
    if (closings)
        close_wanted();
    return go_on;
}

static void *run(void *unused) {
    while (take_news()) {
        of_driver_step(&io.driver);
        signal_all();
        sleep_until_news();
    }
    let_go(NULL, "the process ends");
    signal_all();
    of_driver_close(&io.driver);
    of_io_lock();
    for (of_queue *queue = io.queues; queue != NULL; queue = queue->next_known)
        queue->visitor = NULL;
    of_door_close(&io.door, true);
    close_wake();
    free(io.watched);
    io.watched = NULL;
    io.watched_capacity = 0;
    of_io_unlock();
    return unused;
}

/* ---- its beginning and end ---------------------------------------------------------------- */

static bool open_wake(void) {
    if (pipe(io.wake) != 0) {
        io.wake[0] = io.wake[1] = -1;
        return false;
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(io.wake[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(io.wake[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}

/* Under the lock; NULL: it runs. */
static const char *start_locked(void) {
    while (io.phase == STOPS)
        pthread_cond_wait(&io.changed, &io.lock);
    if (io.phase == RUNS)
        return NULL;
    if (!io.usable || io.exiting)
        return io.exiting ? "the process is about to end" : "no I/O thread can be had";
    io.driver.lane = OF_THREAD;
    io.driver.announce = announce;
    if (!of_driver_open(&io.driver) || !open_wake()) {
        of_driver_close(&io.driver);
        return "no memory or descriptors for the I/O thread";
    }
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&io.thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed) {
        of_driver_close(&io.driver);
        close_wake();
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

static void stop_at_exit(void) {
    of_io_lock();
    io.exiting = true;
    stop_locked();
    of_io_unlock();
}

/* ---- for the owners of transfers ---------------------------------------------------------- */

of_kind of_io_submit(of_transfer *transfer, const char **why) {
    of_engine *engine = transfer->engine;
    of_io_lock();
    of_kind kind = OF_OK;
    *why = start_locked();
    if (*why != NULL) {
        kind = OF_MEMORY;
    } else if (engine->pending >= engine->concurrency + WAITING_MOST) {
        kind = OF_LIMIT;
        *why = "too many calls of this client wait for their turn";
    } else if ((transfer->number = of_queue_take_number(transfer->queue)) == 0) {
        kind = OF_MEMORY;
        *why = "out of memory";
    } else {
        if (!engine->threaded) {
            engine->threaded = true;
            engine->next_threaded = io.engines;
            io.engines = engine;
        }
        engine->pending++;
        of_list_append(&io.submitted, transfer);
        wake_locked();
    }
    of_io_unlock();
    return kind;
}

bool of_io_wait(of_transfer *transfer, long milliseconds) {
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
    of_io_lock();
    io.waiters++;
    bool done;
    while (!(done = of_transfer_done(transfer)) &&
           pthread_cond_timedwait(&io.changed, &io.lock, &until) == 0)
        continue;
    io.waiters--;
    of_io_unlock();
    return done;
}

void of_io_cancel(of_transfer *transfer) {
    of_io_lock();
    if (!of_transfer_done(transfer)) {
        transfer->cancel = true;
        io.cancels = true;
        wake_locked();
    }
    of_io_unlock();
}

void of_io_release(of_transfer *transfer) {
    of_io_lock();
    bool done = of_transfer_done(transfer);
    if (!done) {
        transfer->released = true;
        transfer->cancel = true;
        io.cancels = true;
        wake_locked();
    }
    of_io_unlock();
    if (done)
        of_transfer_free(transfer, false);
}

void of_io_disconnect(uint64_t number) {
    of_io_lock();
    if (of_connections_disconnect(&io.driver.connections, number)) {
        io.disconnects = true;
        wake_locked();
    }
    of_io_unlock();
}

void of_io_close_engine(of_engine *engine) {
    of_io_lock();
    if (engine->threaded) {
        engine->closing = true;
        io.closings = true;
        wake_locked();
        while (engine->threaded && io.phase != ABSENT)
            pthread_cond_wait(&io.changed, &io.lock);
        if (io.engines == NULL && io.submitted.first == NULL)
            stop_locked();
    }
    of_io_unlock();
}

const char *of_io_door(const char *folder, const char **why) {
    of_io_lock();
    *why = start_locked();
    if (*why == NULL && io.door.fd < 0) {
        *why = of_door_open(&io.door, folder);
        wake_locked();
    }
    const char *path = *why == NULL ? io.door.path : NULL;
    of_io_unlock();
    return path;
}
