/*
 * A queue of done transfers, for callers with many transfers at once. A transfer submitted with a
 * queue has a number, by which the queue returns it once it is done. Numbers are small, and reused
 * after their transfers are freed, so that they can index a list.
 *
 * There are two kinds of queues; `calls` holds the functions in which they differ. An inline queue
 * (inline_queue.h) is used only by its owner's thread, and is filled while that thread waits. A
 * threaded queue (threaded_queue.h) is filled by the I/O thread.
 *
 * References are counted: each transfer of the queue holds one.
 */
#ifndef ONEFLOW_QUEUE_H
#define ONEFLOW_QUEUE_H

#include "transfer.h"

typedef struct of_lock {
    void (*acquire)(void);
    void (*release)(void);
} of_lock;

typedef struct of_queue_calls {
    /* Called before a transfer of this owner is submitted with the queue. False: no memory. The
       pointer may be NULL. */
    bool (*expect)(of_queue *queue, of_owner *owner);
    /* Waits until the queue is not empty, for at most `milliseconds`, which is short enough for the
       caller to see signals. */
    bool (*wait)(of_queue *queue, long milliseconds);
    /* Called under the lock when a transfer comes into the empty queue. The pointer may be NULL. */
    void (*filled)(of_queue *queue);
    void (*emptied)(of_queue *queue);
    /* Frees the queue after its last reference. */
    void (*end)(of_queue *queue);
} of_queue_calls;

struct of_queue {
    atomic_long references;
    const of_queue_calls *calls;
    const of_lock *lock; /* the I/O thread's; NULL for an inline queue */
    /* Under the lock, if it has one: */
    of_list done;
    unsigned long *free_numbers; /* transfer numbers to reuse; has room for all numbers */
    size_t free_count;
    size_t number_count; /* numbers from 1 to this one exist, in use or free */
    size_t number_capacity;
};

void of_queue_init(of_queue *queue, const of_queue_calls *calls, const of_lock *lock);
void of_queue_ref(of_queue *queue);
void of_queue_unref(of_queue *queue);

/* Takes a reference unless the count is already zero. */
bool of_queue_hold(of_queue *queue);

/* The number of a done transfer, each returned once; 0: none is done. */
unsigned long of_queue_next(of_queue *queue);

/* Waits until the queue is not empty, for at most `milliseconds`, and at most a quarter of a
   second, so that the caller sees signals. */
bool of_queue_wait(of_queue *queue, long milliseconds);

/* Under the lock. 0: no memory */
unsigned long of_queue_acquire_number(of_queue *queue);
void of_queue_release_number(of_queue *queue, unsigned long number);

/* Under the lock. */
void of_queue_push(of_queue *queue, of_transfer *transfer);
void of_queue_drop(of_queue *queue, of_transfer *transfer);

#endif
