/*
 * The state of the I/O thread, one for the process: what io_thread.c (whoever wants something of
 * the thread, its beginning and its end) and io_loop.c (the thread) share. For these two alone.
 * Under the lock, but for what is marked as the thread's.
 */
#ifndef ONEFLOW_IO_STATE_H
#define ONEFLOW_IO_STATE_H

#include "multi.h"
#include "notify_socket.h"

#include <poll.h>
#include <pthread.h>

typedef enum of_io_phase { OF_IO_ABSENT, OF_IO_RUNS, OF_IO_STOPS } of_io_phase;

/* At the end of the process: what may be dropped is dropped before anything is told. */
typedef enum of_io_drain { OF_IO_NO_DRAIN, OF_IO_DRAIN_WANTED, OF_IO_DRAIN_BEGUN } of_io_drain;

struct of_io {
    bool usable;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something that somebody may wait for */
    of_io_phase phase;
    bool exiting; /* the process ends: no new thread */
    bool park;
    bool parked;  /* between libcurl's calls, while the process forks */
    bool pending; /* submitted, cancels, closings or disconnects: not looked at yet */
    bool sleeps;  /* and must be woken */
    pthread_t thread;
    int wake[2];
    long waiters; /* threads that wait for a transfer */
    of_list submitted;
    bool cancels;
    bool closings;
    bool disconnects;
    of_io_drain drain;
    of_owner *owners; /* that use the thread */
    of_notify_socket notify_socket;
    of_multi multi;
    of_multi *adopted; /* not looked at yet */
    of_multi **multis; /* the thread's: its own, and those that it adopted */
    size_t multi_count;
    size_t multi_capacity;
    struct pollfd *watched; /* the thread's: the pipe, and the notify socket's */
    unsigned watched_capacity;
    struct pollfd first; /* serves until there is memory: the pipe is always watched */
};

extern struct of_io of_io;

void of_io_lock(void);
void of_io_unlock(void);

/* Under the lock: the thread looks at what others want of it. */
void of_io_wake(void);

/* Under the lock: a transfer is done. */
void of_io_end_locked(of_transfer *transfer);

/* Takes an owner out of those that use the thread -> the list of those of whom a reference is to be
   given back, not under the lock. */
of_owner *of_io_unlink_owner(of_owner **link, of_owner *drained);
void of_io_unref_all(of_owner *drained);

void of_io_free_multis(void);
void of_io_free_adopted(of_owner *owner);

#endif
