/*
 * A queue of done transfers, for callers with many under way. What is submitted with a queue is
 * carried by the driver that the queue names, and its number is handed out when it is done. Numbers
 * are small, and used again once their transfers are freed, so that they can be places in a list.
 *
 * An inline queue is its owner's alone: waiting on it drives the engines whose transfers it has.
 * A threaded queue is filled by the I/O thread; its descriptor is readable while something is in
 * it. Owner's thread, but for of_queue_push, _drop, _hold and _pipe, which are the drivers'.
 */
#ifndef ONEFLOW_QUEUE_H
#define ONEFLOW_QUEUE_H

#include "engine.h"
#include "transfer.h"

struct of_queue {
    atomic_long references;
    bool threaded;
    of_list done;
    unsigned long *free_numbers; /* of transfers, those that may be used again; room for all */
    size_t free_count;
    size_t number_count; /* 1 to this are in use or free */
    size_t number_capacity;
    /* inline: */
    of_engine **engines; /* counted, that have transfers of it */
    size_t engine_count;
    size_t engine_capacity;
    /* threaded, under the I/O thread's lock, as are `done` and the numbers then: */
    unsigned long number;       /* its own, by which it is asked for at the door */
    struct of_visitor *visitor; /* who is told there that something is in it */
    bool to_signal;             /* at the end of the thread's turn */
    of_queue *next_to_signal;
    of_queue *next_known;
    int pipe[2]; /* -1: nobody asked for a descriptor */
    unsigned process;
};

/* The engine is about to get a transfer of this inline queue. */
bool of_queue_expect(of_queue *queue, of_engine *engine);

/* 0: no memory */
unsigned long of_queue_take_number(of_queue *queue);
void of_queue_give_number(of_queue *queue, unsigned long number);

/* Counts it once more, unless nobody else has it. */
bool of_queue_hold(of_queue *queue);

/* The descriptor to write to; -1: nobody waits for one. */
int of_queue_pipe(const of_queue *queue);

void of_queue_push(of_queue *queue, of_transfer *transfer);
void of_queue_drop(of_queue *queue, of_transfer *transfer);

#endif
