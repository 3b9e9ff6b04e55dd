/*
 * The queue that the I/O thread fills, and how its owner learns that something is in it: by a
 * descriptor that is readable then, or as a subscriber of the notify_socket. Owner's thread, or the
 * I/O thread; "under the lock" is the lock of of_threaded_queue_new.
 */
#ifndef ONEFLOW_THREADED_QUEUE_H
#define ONEFLOW_THREADED_QUEUE_H

#include "notify_socket.h"
#include "queue.h"

/* Every queue has the same lock, which it takes. NULL: no memory. */
of_queue *of_threaded_queue_new(const of_lock *lock);

/* A descriptor that is readable while something is in it, the queue's own; -1: there is none. Takes
   the lock. */
int of_threaded_queue_fd(of_queue *queue);

/* By which it is asked for at the notify_socket. */
unsigned long of_threaded_queue_number(const of_queue *queue);

/* At the end of its turn the thread tells who waits for the queues that were filled: once for all
   that is done. Takes the lock. */
void of_threaded_queues_signal(const of_lock *lock);

/* Under the lock. A subscriber asks for the queue of this number; the last one to do so is told.
   False: there is none, or it has asked before. */
bool of_threaded_queue_subscribe(of_subscriber *subscriber, unsigned long number);

/* Under the lock. The subscriber leaves. */
void of_threaded_queue_unsubscribe(of_subscriber *subscriber);

/* Under the lock. All subscribers leave. */
void of_threaded_queues_unsubscribe_all(void);

/* In a child made by fork(), under the lock: what is the parent's is closed. */
void of_threaded_queues_abandon(void);

#endif
