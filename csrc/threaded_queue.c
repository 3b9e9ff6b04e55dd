#include "threaded_queue.h"

#include "curl_init.h"
#include "system.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLIND_MILLISECONDS = 10 }; /* pause between checks when there is no descriptor to wait for */

typedef struct of_threaded_queue of_threaded_queue;
struct of_threaded_queue {
    of_queue queue;
    unsigned long number;
    of_subscriber *subscriber; /* notified when the queue is not empty */
    bool to_signal;            /* notify at the end of the thread's turn */
    of_threaded_queue *next_to_signal;
    of_threaded_queue *next_known;
    int pipe[2]; /* -1: no descriptor was requested yet */
    unsigned process;
};

/* Under the lock. */
static of_threaded_queue *known;
static of_threaded_queue *first_to_signal;
static unsigned long last_number;

static of_threaded_queue *self_of(of_queue *queue) { return (of_threaded_queue *)queue; }

/* ---- the descriptor -------------------------------------------------------------------------- */

static bool has_pipe(const of_threaded_queue *self) {
    return self->pipe[0] >= 0 && self->process == of_process();
}

static void drain_pipe(of_queue *queue) {
    const of_threaded_queue *self = self_of(queue);
    char bytes[16];
    while (has_pipe(self) && read(self->pipe[0], bytes, sizeof bytes) == sizeof bytes)
        continue;
}

static bool open_pipe(of_threaded_queue *self) {
    if (has_pipe(self))
        return true;
    of_close_pipe(self->pipe); /* it belongs to the parent */
    self->process = of_process();
    if (!of_pipe(self->pipe))
        return false;
    if (self->queue.done.count > 0)
        (void)!write(self->pipe[1], "", 1);
    return true;
}

int of_threaded_queue_fd(of_queue *queue) {
    of_threaded_queue *self = self_of(queue);
    queue->lock->acquire();
    bool good = open_pipe(self);
    queue->lock->release();
    return good ? self->pipe[0] : -1;
}

static bool wait_for(of_queue *queue, long milliseconds) {
    struct pollfd done = {.fd = of_threaded_queue_fd(queue), .events = POLLIN};
    if (done.fd < 0) {
        of_sleep(milliseconds < BLIND_MILLISECONDS ? milliseconds : BLIND_MILLISECONDS);
    } else {
        (void)poll(&done, 1, (int)milliseconds);
    }
    queue->lock->acquire();
    bool some = queue->done.count > 0;
    queue->lock->release();
    return some;
}

/* ---- notification ---------------------------------------------------------------------------- */

static void signal_later(of_queue *queue) {
    of_threaded_queue *self = self_of(queue);
    if (self->to_signal)
        return;
    self->to_signal = true;
    self->next_to_signal = first_to_signal;
    first_to_signal = self;
}

/* Under the lock -> a queue to notify, with a reference, or NULL. */
static of_threaded_queue *next_to_signal(void) {
    while (first_to_signal != NULL) {
        of_threaded_queue *self = first_to_signal;
        first_to_signal = self->next_to_signal;
        self->to_signal = false;
        if (self->queue.done.count > 0 && of_queue_hold(&self->queue))
            return self;
    }
    return NULL;
}

/* Writes outside the lock: the notified thread runs at once, on another processor, and needs the
   lock; and this thread may lose its processor during a system call. */
void of_threaded_queues_signal(const of_lock *lock) {
    for (;;) {
        lock->acquire();
        of_threaded_queue *self = next_to_signal();
        int pipe = self != NULL && self->process == of_process() ? self->pipe[1] : -1;
        lock->release();
        if (self == NULL)
            return;
        if (pipe >= 0)
            (void)!write(pipe, "", 1);
        if (self->subscriber != NULL) /* only this thread adds or removes subscribers */
            of_subscriber_notify(self->subscriber);
        of_queue_unref(&self->queue);
    }
}

/* ---- subscribers ----------------------------------------------------------------------------- */

unsigned long of_threaded_queue_number(const of_queue *queue) {
    return ((const of_threaded_queue *)queue)->number;
}

bool of_threaded_queue_subscribe(of_subscriber *subscriber, unsigned long number) {
    of_threaded_queue *self = known;
    while (self != NULL && self->number != number)
        self = self->next_known;
    if (self == NULL || subscriber->queue != NULL)
        return false;
    if (self->subscriber != NULL)
        self->subscriber->queue = NULL;
    self->subscriber = subscriber;
    subscriber->queue = &self->queue;
    if (self->queue.done.count > 0)
        of_subscriber_notify(subscriber);
    return true;
}

void of_threaded_queue_unsubscribe(of_subscriber *subscriber) {
    if (subscriber->queue != NULL)
        self_of(subscriber->queue)->subscriber = NULL;
}

void of_threaded_queues_unsubscribe_all(void) {
    for (of_threaded_queue *self = known; self != NULL; self = self->next_known)
        self->subscriber = NULL;
}

/* ---- creation and end ------------------------------------------------------------------------ */

static void end(of_queue *queue) {
    of_threaded_queue *self = self_of(queue);
    queue->lock->acquire();
    of_threaded_queue **link = &known;
    while (*link != self)
        link = &(*link)->next_known;
    *link = self->next_known;
    if (self->to_signal) {
        link = &first_to_signal;
        while (*link != self)
            link = &(*link)->next_to_signal;
        *link = self->next_to_signal;
    }
    if (self->subscriber != NULL)
        self->subscriber->queue = NULL;
    queue->lock->release();
    of_close_pipe(self->pipe);
    free(self);
}

of_queue *of_threaded_queue_new(const of_lock *lock) {
    static const of_queue_calls calls = {
        .wait = wait_for, .filled = signal_later, .emptied = drain_pipe, .end = end};
    of_threaded_queue *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    of_queue_init(&self->queue, &calls, lock);
    self->pipe[0] = self->pipe[1] = -1;
    lock->acquire();
    self->number = ++last_number;
    self->next_known = known;
    known = self;
    lock->release();
    return &self->queue;
}

void of_threaded_queues_abandon(void) {
    for (; first_to_signal != NULL; first_to_signal = first_to_signal->next_to_signal)
        first_to_signal->to_signal = false;
    for (of_threaded_queue *self = known; self != NULL; self = self->next_known) {
        self->subscriber = NULL;
        of_close_pipe(self->pipe);
    }
}
