/*
 * A multi: a curl_multi with everything that belongs to it, and the transfers that it carries. An
 * engine has one of its own, driven by the caller's thread; the I/O thread has one for the process.
 * A multi is used by one thread at a time. It polls by itself and tells libcurl which sockets are
 * ready: curl_multi_perform and curl_multi_poll would look at every transfer for each that moves.
 */
#ifndef ONEFLOW_MULTI_H
#define ONEFLOW_MULTI_H

#include "easy.h"
#include "transfer.h"

#include <poll.h>

struct of_multi {
    CURLM *handle;
    of_easy_context context;
    struct pollfd *watched; /* what libcurl waits for; `revents` stay until they are acted on */
    size_t watched_count;
    size_t watched_capacity;
    size_t *places; /* by descriptor: where it stands in `watched`, counted from 1; 0: nowhere */
    size_t place_count;
    struct pollfd *polled; /* scratch of of_multi_poll */
    size_t polled_capacity;
    bool out_of_memory; /* no memory to poll: all watched sockets are acted on */
    bool ready;         /* something is to be acted on */
    CURLMcode failure; /* of a curl_multi_* function: the curl_multi is replaced by the next step */
    bool still;        /* libcurl is to be called for a transfer, see of_easy_stands_still */
    long long deadline; /* of_now() at which libcurl wants to be called in any case; -1: none */
    long long due;      /* of_now() at which a transfer's time may be up; 0: never */
    of_list queued;
    of_list running;
    bool startable;      /* something was queued or ended since the queue was last looked at */
    unsigned long ended; /* transfers so far */
    long pool;           /* connections kept */
    void (*on_done)(of_transfer *transfer); /* it is done; from here on it is its owner's */
    of_multi *next_adopted;
};

/* Makes the curl_multi when there is none; false: no memory. */
bool of_multi_open(of_multi *multi);

/* Keeps connections for an owner of this concurrency. */
void of_multi_keep_connections(of_multi *multi, long concurrency);

/* Queues a transfer. */
void of_multi_add(of_multi *multi, of_transfer *transfer);

/* Starts what may start, lets libcurl do what it can without waiting, and ends what is done or has
   no time left; the latter once nothing more of it can be read. */
void of_multi_step(of_multi *multi);

/* Goes on with a transfer that was paused, as nobody had read what came. */
void of_multi_resume(of_transfer *transfer);

/* The one way to a transfer's end. */
void of_multi_end(of_transfer *transfer, of_kind kind, const char *message);

/* Shuts a connection down, if it is this multi's -> whether it is. A transfer that is on it ends.
 */
bool of_multi_disconnect(of_multi *multi, uint64_t number);

/* Ends the transfers whose connections were shut down by another thread. */
void of_multi_end_disconnected(of_multi *multi);

/* Waits for the sockets and times of these multis, or for `extra`, for at most `milliseconds`. */
void of_multi_poll(of_multi *const *multis, size_t count, struct pollfd *extra, size_t extra_count,
                   long milliseconds);

/* Frees the idle handles of an owner in this multi. */
void of_multi_release(of_multi *multi, of_owner *owner);

/* No transfer is left. */
void of_multi_close(of_multi *multi);

/* In a child made by fork(): libcurl's state is the parent's. Cleaning it up would write to the
   parent's connections, so it is left alone; only this process's copies of the sockets are closed.
 */
void of_multi_abandon(of_multi *multi);

#endif
