/*
 * The state of the I/O thread, one for the process. Shared by io_thread.c (the functions that other
 * threads call; start and stop) and io_loop.c (the thread); included by these two files only.
 * Protected by the lock, except for fields marked as the thread's.
 */
#ifndef ONEFLOW_IO_STATE_H
#define ONEFLOW_IO_STATE_H

#include "multi.h"
#include "notify_socket.h"

#include <poll.h>
#include <pthread.h>

typedef enum of_io_phase { OF_IO_ABSENT, OF_IO_RUNS, OF_IO_STOPS } of_io_phase;

/* At the end of the process, transfers that may be dropped are dropped before the lines about
   the others are written. */
typedef enum of_io_drain { OF_IO_NO_DRAIN, OF_IO_DRAIN_WANTED, OF_IO_DRAIN_BEGUN } of_io_drain;

struct of_io {
    bool usable;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* broadcast when a state that others wait for has changed */
    of_io_phase phase;
    bool exiting; /* the process is exiting: no new thread is started */
    bool park;
    bool parked;  /* outside of libcurl while the process forks */
    bool pending; /* new transfers, cancels, closings or disconnects to look at */
    bool sleeps;  /* the thread is in poll() and must be woken */
    pthread_t thread;
    int wake[2];
    long waiters; /* threads that are waiting for a transfer */
    of_list submitted;
    bool cancels;
    bool closings;
    bool disconnects;
    of_io_drain drain;
    of_owner *owners; /* owners that use the thread */
    of_notify_socket notify_socket;
    of_multi multi;
    of_multi *adopted; /* multis handed over that the thread has not taken yet */
    of_multi **multis; /* the thread's: its own multi and the adopted ones */
    size_t multi_count;
    size_t multi_capacity;
    struct pollfd *watched; /* the thread's: the pipe and the notify socket's descriptors */
    size_t watched_capacity;
};

extern struct of_io of_io;

void of_io_lock(void);
void of_io_unlock(void);

/* Under the lock: makes the thread look at its pending commands. */
void of_io_wake(void);

/* Under the lock: marks a transfer as done. */
void of_io_end_locked(of_transfer *transfer);

/* Under the lock: removes an owner from the list of owners that use the thread -> `drained`, with
   the owner added if the thread holds a reference to it. The caller releases these references after
   it has released the lock. */
of_owner *of_io_unlink_owner(of_owner **link, of_owner *drained);
void of_io_unref_all(of_owner *drained);

/* The thread's lists: with room for its own multi and the pipe. False: no memory. */
bool of_io_make_lists(void);
void of_io_free_lists(void);
void of_io_free_adopted(of_owner *owner);

#endif
