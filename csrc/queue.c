#include "queue.h"

#include "memory.h"
#include "system.h"

#include <stdlib.h>

void of_queue_init(of_queue *queue, const of_queue_calls *calls, const of_lock *lock) {
    *queue = (of_queue){.calls = calls, .lock = lock};
    atomic_init(&queue->references, 1);
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
    free(queue->free_numbers);
    queue->calls->end(queue);
}

/* ---- the queue ------------------------------------------------------------------------------- */

void of_queue_push(of_queue *queue, of_transfer *transfer) {
    transfer->in_queue = true;
    of_list_append(&queue->done, transfer);
    if (queue->done.count == 1 && queue->calls->filled != NULL)
        queue->calls->filled(queue);
}

void of_queue_drop(of_queue *queue, of_transfer *transfer) {
    if (!transfer->in_queue)
        return;
    transfer->in_queue = false;
    of_list_remove(&queue->done, transfer);
}

unsigned long of_queue_next(of_queue *queue) {
    unsigned long number = 0;
    if (queue->lock != NULL)
        queue->lock->acquire();
    of_transfer *transfer = queue->done.first;
    if (transfer != NULL) {
        number = transfer->number;
        of_queue_drop(queue, transfer);
    } else if (queue->calls->emptied != NULL) {
        queue->calls->emptied(queue);
    }
    if (queue->lock != NULL)
        queue->lock->release();
    return number;
}

bool of_queue_wait(of_queue *queue, long milliseconds) {
    if (milliseconds > OF_SLICE_MILLISECONDS)
        milliseconds = OF_SLICE_MILLISECONDS;
    return queue->calls->wait(queue, milliseconds);
}

/* ---- numbers --------------------------------------------------------------------------------- */

unsigned long of_queue_acquire_number(of_queue *queue) {
    if (queue->free_count > 0)
        return queue->free_numbers[--queue->free_count];
    if (!of_grow(queue->free_numbers, queue->number_capacity, queue->number_count + 1))
        return 0;
    return ++queue->number_count;
}

void of_queue_release_number(of_queue *queue, unsigned long number) {
    queue->free_numbers[queue->free_count++] = number;
}
