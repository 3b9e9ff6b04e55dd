#include "inline_queue.h"

#include "engine.h"
#include "memory.h"
#include "multi.h"
#include "system.h"

#include <stdlib.h>

enum {
    BLIND_MILLISECONDS = 10, /* pause between checks of multis that are not in the poll */
    MULTIS_MAX = 64,         /* multis in one poll */
};

typedef struct of_inline_queue {
    of_queue queue;
    of_engine **engines; /* counted; engines with transfers of this queue */
    size_t count;
    size_t capacity;
} of_inline_queue;

static of_inline_queue *self_of(of_queue *queue) { return (of_inline_queue *)queue; }

static bool expect(of_queue *queue, of_owner *owner) {
    of_inline_queue *self = self_of(queue);
    of_engine *engine = of_engine_of(owner);
    for (size_t i = 0; i < self->count; i++) {
        if (self->engines[i] == engine)
            return true;
    }
    if (!of_grow(self->engines, self->capacity, self->count + 1))
        return false;
    of_owner_ref(owner);
    self->engines[self->count++] = engine;
    return true;
}

static void forget_idle_engines(of_inline_queue *self) {
    for (size_t i = self->count; i-- > 0;) {
        of_engine *engine = self->engines[i];
        const of_multi *multi = of_engine_multi(engine);
        if (multi != NULL && multi->queued.count + multi->running.count > 0)
            continue;
        self->engines[i] = self->engines[--self->count];
        of_engine_unref(engine);
    }
}

static void poll_all(const of_inline_queue *self, long milliseconds) {
    of_multi *some[MULTIS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < self->count && count < MULTIS_MAX; i++)
        some[count++] = of_engine_multi(self->engines[i]);
    if (count < self->count && milliseconds > BLIND_MILLISECONDS)
        milliseconds = BLIND_MILLISECONDS;
    of_multi_poll(some, count, NULL, 0, milliseconds);
}

static bool wait_for(of_queue *queue, long milliseconds) {
    of_inline_queue *self = self_of(queue);
    long long until = of_now() + milliseconds;
    for (;;) {
        for (size_t i = 0; i < self->count; i++)
            of_engine_step(self->engines[i]);
        forget_idle_engines(self);
        if (queue->done.count > 0)
            return true;
        long left = (long)(until - of_now());
        if (left <= 0 || self->count == 0)
            return false;
        poll_all(self, left);
    }
}

static void end(of_queue *queue) {
    of_inline_queue *self = self_of(queue);
    for (size_t i = 0; i < self->count; i++)
        of_engine_unref(self->engines[i]);
    free(self->engines);
    free(self);
}

of_queue *of_inline_queue_new(void) {
    static const of_queue_calls calls = {.expect = expect, .wait = wait_for, .end = end};
    of_inline_queue *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    of_queue_init(&self->queue, &calls, NULL);
    return &self->queue;
}
