#include "io_state.h"

#include "memory.h"
#include "queue.h"

#include <stdlib.h>
#include <unistd.h>

struct of_io of_io = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .wake = {-1, -1}, .notify_socket = {.fd = -1}};

void of_io_lock(void) { pthread_mutex_lock(&of_io.lock); }

void of_io_unlock(void) { pthread_mutex_unlock(&of_io.lock); }

void of_io_wake(void) {
    of_io.pending = true;
    if (of_io.sleeps) {
        of_io.sleeps = false;
        (void)!write(of_io.wake[1], "", 1);
    }
}

void of_io_end_locked(of_transfer *transfer) {
    of_owner *owner = transfer->owner;
    if (--owner->pending == 0 && owner->draining)
        owner->closing = of_io.closings = of_io.pending = true;
    atomic_store_explicit(&transfer->state, OF_DONE, memory_order_release);
    if (transfer->queue != NULL && !transfer->released)
        of_queue_push(transfer->queue, transfer);
    if (of_io.waiters > 0)
        pthread_cond_broadcast(&of_io.changed);
}

of_owner *of_io_unlink_owner(of_owner **link, of_owner *drained) {
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

void of_io_unref_all(of_owner *drained) {
    while (drained != NULL) {
        of_owner *owner = drained;
        drained = owner->next_threaded;
        of_owner_unref(owner);
    }
}

bool of_io_make_lists(void) {
    if (!of_grow(of_io.multis, of_io.multi_capacity, 1) ||
        !of_grow(of_io.watched, of_io.watched_capacity, 1))
        return false;
    of_io.multis[0] = &of_io.multi;
    of_io.multi_count = 1;
    return true;
}

void of_io_free_lists(void) {
    free(of_io.multis);
    free(of_io.watched);
    of_io.multis = NULL;
    of_io.watched = NULL;
    of_io.multi_count = of_io.multi_capacity = of_io.watched_capacity = 0;
}

void of_io_free_adopted(of_owner *owner) {
    if (owner->adopted == NULL)
        return;
    of_multi_close(owner->adopted);
    free(owner->adopted);
    owner->adopted = NULL;
}
