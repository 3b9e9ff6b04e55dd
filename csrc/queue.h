/*
 * A queue of done transfers, for callers with many under way. A transfer that is submitted with a
 * queue has a number, by which it is handed out once it is done. Numbers are small, and used again
 * once their transfers are freed, so that they can be places in a list.
 *
 * There are two kinds, which differ in who fills them and in how they are waited for: `calls` says
 * how. An inline queue (inline_queue.h) is its owner's alone, and is filled while he waits; a
 * threaded one (threaded_queue.h) is filled by the I/O thread.
 *
 * References are counted: each of its transfers holds one.
 */
#ifndef ONEFLOW_QUEUE_H
#define ONEFLOW_QUEUE_H

#include "transfer.h"

typedef struct of_lock {
    void (*take)(void);
    void (*release)(void);
} of_lock;

typedef struct of_queue_calls {
    /* A transfer of this owner is about to be submitted with it. False: no memory. NULL: nothing is
       to be done. */
    bool (*expect)(of_queue *queue, of_owner *owner);
    /* Waits until something is in it, for at most this long; `milliseconds` is at most what the
       caller's signals can wait. */
    bool (*wait)(of_queue *queue, long milliseconds);
    /* Under the lock: the first transfer came into it; it is found empty. NULL: nothing is to be
       done. */
    void (*filled)(of_queue *queue);
    void (*emptied)(of_queue *queue);
    /* Nobody has a reference; frees the memory that it begins. */
    void (*end)(of_queue *queue);
} of_queue_calls;

struct of_queue {
    atomic_long references;
    const of_queue_calls *calls;
    const of_lock *lock; /* the I/O thread's; NULL: an inline one */
    /* Under the lock, if it has one: */
    of_list done;
    unsigned long *free_numbers; /* of transfers, those that may be used again; room for all */
    size_t free_count;
    size_t number_count; /* 1 to this are in use or free */
    size_t number_capacity;
};

void of_queue_init(of_queue *queue, const of_queue_calls *calls, const of_lock *lock);
void of_queue_ref(of_queue *queue);
void of_queue_unref(of_queue *queue);

/* Takes a reference unless the count is already zero. */
bool of_queue_hold(of_queue *queue);

/* The number of a transfer that is done, each once; 0: none is. */
unsigned long of_queue_next(of_queue *queue);

/* Waits until something is in it, for at most `milliseconds` and never more than a quarter of a
   second: so that the caller's signals are seen. */
bool of_queue_wait(of_queue *queue, long milliseconds);

/* Under the lock. 0: no memory */
unsigned long of_queue_acquire_number(of_queue *queue);
void of_queue_release_number(of_queue *queue, unsigned long number);

/* Under the lock. */
void of_queue_push(of_queue *queue, of_transfer *transfer);
void of_queue_drop(of_queue *queue, of_transfer *transfer);

#endif
