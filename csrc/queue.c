#define _GNU_SOURCE
#include "queue.h"

#include "curl_init.h"
#include "driver.h"
#include "io_thread.h"
#include "system.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BLIND_MILLISECONDS = 10, /* between looks at what cannot be waited for */
    DRIVERS_MOST = 64,       /* waited for at once */
};

of_queue *of_queue_new(bool threaded) {
    of_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    atomic_init(&queue->references, 1);
    queue->threaded = threaded;
    queue->pipe[0] = queue->pipe[1] = -1;
    if (threaded)
        of_io_know(queue);
    return queue;
}

void of_queue_ref(of_queue *queue) { atomic_fetch_add(&queue->references, 1); }

bool of_queue_hold(of_queue *queue) {
    long references = atomic_load(&queue->references);
    while (references > 0) {
        if (atomic_compare_exchange_weak(&queue->references, &references, references + 1))
            return true;
    }
    return false;
}

void of_queue_unref(of_queue *queue) {
    if (atomic_fetch_sub(&queue->references, 1) > 1)
        return;
    if (queue->threaded)
        of_io_forget(queue);
    for (size_t i = 0; i < queue->engine_count; i++)
        of_engine_unref(queue->engines[i]);
    free(queue->engines);
    free(queue->free_numbers);
    of_close_pipe(queue->pipe);
    free(queue);
}

/* ---- the descriptor ----------------------------------------------------------------------- */

static void drain_pipe(const of_queue *queue) {
    char bytes[16];
    if (queue->pipe[0] >= 0 && queue->process == of_process()) {
        while (read(queue->pipe[0], bytes, sizeof bytes) == sizeof bytes)
            continue;
    }
}

static bool open_pipe(of_queue *queue) {
    if (queue->pipe[0] >= 0 && queue->process == of_process())
        return true;
    of_close_pipe(queue->pipe); /* a parent's */
    queue->process = of_process();
    if (!of_pipe(queue->pipe))
        return false;
    if (queue->done.count > 0)
        (void)!write(queue->pipe[1], "", 1);
    return true;
}

int of_queue_fd(of_queue *queue) {
    if (!queue->threaded)
        return -1;
    of_io_lock();
    bool good = open_pipe(queue);
    of_io_unlock();
    return good ? queue->pipe[0] : -1;
}

int of_queue_pipe(const of_queue *queue) {
    return queue->process == of_process() ? queue->pipe[1] : -1;
}

/* ---- what is in it ------------------------------------------------------------------------ */

void of_queue_push(of_queue *queue, of_transfer *transfer) {
    transfer->in_queue = true;
    of_list_append(&queue->done, transfer);
    if (queue->threaded && queue->done.count == 1) {
        of_io_signal_later(queue);
    }
}

void of_queue_drop(of_queue *queue, of_transfer *transfer) {
    if (!transfer->in_queue)
        return;
    transfer->in_queue = false;
    of_list_remove(&queue->done, transfer);
}

unsigned long of_queue_next(of_queue *queue) {
    unsigned long number = 0;
    if (queue->threaded)
        of_io_lock();
    of_transfer *transfer = queue->done.first;
    if (transfer != NULL) {
        number = transfer->number;
        of_queue_drop(queue, transfer);
    } else {
        drain_pipe(queue);
    }
    if (queue->threaded)
        of_io_unlock();
    return number;
}

unsigned long of_queue_take_number(of_queue *queue) {
    if (queue->free_count > 0)
        return queue->free_numbers[--queue->free_count];
    if (queue->number_count == queue->number_capacity) {
        size_t capacity = queue->number_capacity ? queue->number_capacity * 2 : 16;
        unsigned long *numbers = realloc(queue->free_numbers, capacity * sizeof *numbers);
        if (numbers == NULL)
            return 0;
        queue->free_numbers = numbers;
        queue->number_capacity = capacity;
    }
    return ++queue->number_count;
}

void of_queue_give_number(of_queue *queue, unsigned long number) {
    queue->free_numbers[queue->free_count++] = number;
}

unsigned long of_queue_number(const of_queue *queue) { return queue->number; }

/* ---- inline: waiting drives the engines --------------------------------------------------- */

bool of_queue_expect(of_queue *queue, of_engine *engine) {
    for (size_t i = 0; i < queue->engine_count; i++) {
        if (queue->engines[i] == engine)
            return true;
    }
    if (queue->engine_count == queue->engine_capacity) {
        size_t capacity = queue->engine_capacity ? queue->engine_capacity * 2 : 4;
        of_engine **engines = realloc(queue->engines, capacity * sizeof(void *));
        if (engines == NULL)
            return false;
        queue->engines = engines;
        queue->engine_capacity = capacity;
    }
    of_engine_ref(engine);
    queue->engines[queue->engine_count++] = engine;
    return true;
}

static bool works(const of_engine *engine) {
    const of_driver *own = engine->own;
    return own != NULL && own->queued.count + own->running.count > 0;
}

static void forget_idle_engines(of_queue *queue) {
    for (size_t i = queue->engine_count; i-- > 0;) {
        of_engine *engine = queue->engines[i];
        if (works(engine))
            continue;
        queue->engines[i] = queue->engines[--queue->engine_count];
        of_engine_unref(engine);
    }
}

static void poll_all(const of_queue *queue, long milliseconds) {
    of_driver *some[DRIVERS_MOST];
    size_t count = 0;
    for (size_t i = 0; i < queue->engine_count && count < DRIVERS_MOST; i++)
        some[count++] = queue->engines[i]->own;
    if (count < queue->engine_count && milliseconds > BLIND_MILLISECONDS)
        milliseconds = BLIND_MILLISECONDS;
    of_driver_poll(some, count, NULL, 0, milliseconds);
}

static bool wait_inline(of_queue *queue, long milliseconds) {
    long long until = of_now() + milliseconds;
    for (;;) {
        for (size_t i = 0; i < queue->engine_count; i++)
            of_engine_step(queue->engines[i]);
        forget_idle_engines(queue);
        if (queue->done.count > 0)
            return true;
        long left = (long)(until - of_now());
        if (left <= 0 || queue->engine_count == 0)
            return false;
        poll_all(queue, left);
    }
}

static bool wait_threaded(of_queue *queue, long milliseconds) {
    struct pollfd done = {.fd = of_queue_fd(queue), .events = POLLIN};
    if (done.fd < 0) {
        of_sleep(milliseconds < BLIND_MILLISECONDS ? milliseconds : BLIND_MILLISECONDS);
    } else {
        (void)poll(&done, 1, (int)milliseconds);
    }
    of_io_lock();
    bool some = queue->done.count > 0;
    of_io_unlock();
    return some;
}

bool of_queue_wait(of_queue *queue, long milliseconds) {
    if (milliseconds > OF_SLICE_MILLISECONDS)
        milliseconds = OF_SLICE_MILLISECONDS;
    return queue->threaded ? wait_threaded(queue, milliseconds) : wait_inline(queue, milliseconds);
}
