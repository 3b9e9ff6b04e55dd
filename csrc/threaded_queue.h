/*
 * The queue that the I/O thread fills. Its owner is notified when it is not empty, by a readable
 * descriptor, or as a subscriber of the notify socket. Called by the owner's thread or the I/O
 * thread; "under the lock" means the lock given to of_threaded_queue_new.
 */
#ifndef ONEFLOW_THREADED_QUEUE_H
#define ONEFLOW_THREADED_QUEUE_H

#include "notify_socket.h"
#include "queue.h"

/* Creates a queue; all queues get the same lock. Takes the lock. NULL: no memory. */
of_queue *of_threaded_queue_new(const of_lock *lock);

/* A descriptor, owned by the queue, that is readable while the queue is not empty; -1: it could not
   be created. Takes the lock. */
int of_threaded_queue_fd(of_queue *queue);

/* The number by which a subscriber of the notify socket names the queue. */
unsigned long of_threaded_queue_number(const of_queue *queue);

/* The I/O thread calls this at the end of each turn. It notifies the owners of the queues that were
   filled, once for all transfers that are done. Takes the lock. */
void of_threaded_queues_signal(const of_lock *lock);

/* Under the lock. Subscribes to the queue with this number; the last subscriber is the one that is
   notified. False: no such queue, or the subscriber already has one. */
bool of_threaded_queue_subscribe(of_subscriber *subscriber, unsigned long number);

/* Under the lock. Removes the subscriber. */
void of_threaded_queue_unsubscribe(of_subscriber *subscriber);

/* Under the lock. Removes all subscribers. */
void of_threaded_queues_unsubscribe_all(void);

/* In a child made by fork(), under the lock: closes the parent's descriptors. */
void of_threaded_queues_abandon(void);

#endif
