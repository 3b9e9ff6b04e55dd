/*
 * A multi: a curl_multi with everything that belongs to it, and the transfers that it carries. Each
 * engine has one, driven by the caller's thread; the I/O thread has one for the process. A multi is
 * used by one thread at a time. It polls by itself and tells libcurl which sockets are ready,
 * because curl_multi_perform and curl_multi_poll visit every transfer whenever one of them makes
 * progress.
 */
#ifndef ONEFLOW_MULTI_H
#define ONEFLOW_MULTI_H

#include "easy.h"
#include "transfer.h"

#include <poll.h>

struct of_multi {
    CURLM *handle;
    of_easy_context context;
    struct pollfd *watched; /* sockets of libcurl; `revents` is kept until it is acted on */
    size_t watched_count;
    size_t watched_capacity;
    size_t *places; /* by descriptor: its index in `watched`, from 1; 0: not watched */
    size_t place_count;
    struct pollfd *polled; /* scratch memory of of_multi_poll */
    size_t polled_capacity;
    bool out_of_memory; /* no memory for poll(): all watched sockets are treated as ready */
    bool ready;         /* a socket is ready */
    CURLMcode failure;  /* of a curl_multi_* function; the next step replaces it */
    bool stalled;       /* a transfer needs of_easy_go_on, see of_easy_stalled */
    long long deadline; /* of_now() at which libcurl has to be called; -1: no such time */
    long long due;      /* of_now() at which the first transfer may time out; 0: never */
    of_list queued;
    of_list running;
    bool startable;      /* a transfer was queued or ended since the queue was last processed */
    unsigned long ended; /* transfers ended so far */
    long pool;           /* the number of connections to keep */
    void (*on_done)(of_transfer *transfer); /* then it is its owner's again */
    of_multi *next_adopted;
};

/* Creates the curl_multi if there is none. False: no memory. */
bool of_multi_open(of_multi *multi);

/* Keeps enough connections open for an owner with this concurrency. */
void of_multi_keep_connections(of_multi *multi, long concurrency);

/* Queues a transfer. */
void of_multi_add(of_multi *multi, of_transfer *transfer);

/* Starts queued transfers, lets libcurl do what it can without waiting, and ends the transfers that
   are done or overdue. An overdue transfer ends only when no more data can be read at once. */
void of_multi_step(of_multi *multi);

/* Resumes a transfer that was paused because nobody had read the received data. */
void of_multi_resume(of_transfer *transfer);

/* Ends a transfer. Every transfer ends here. */
void of_multi_end(of_transfer *transfer, of_kind kind, const char *message);

/* Ends the transfers for which `which` is true; `owner` NULL: of all owners; `which` NULL: all. */
void of_multi_end_those(of_multi *multi, const of_owner *owner,
                        bool (*which)(const of_transfer *transfer), of_kind kind,
                        const char *message);

/* Shuts down a connection, if it is this multi's -> whether it is. A transfer on it ends. */
bool of_multi_disconnect(of_multi *multi, uint64_t number);

/* Ends the transfers whose connections another thread has shut down. */
void of_multi_end_disconnected(of_multi *multi);

/* Waits until a socket or a time of these multis, or a descriptor of `extra`, is due, for at most
   `milliseconds`. */
void of_multi_poll(of_multi *const *multis, size_t count, struct pollfd *extra, size_t extra_count,
                   long milliseconds);

/* Frees an owner's idle easy handles of this multi. */
void of_multi_release(of_multi *multi, of_owner *owner);

/* Closes a multi that has no transfers left. */
void of_multi_close(of_multi *multi);

/* For a child made by fork(). libcurl's state is the parent's, and cleaning it up would write to
   the parent's connections. So it is left as it is, and only this process's copies of the sockets
   are closed. */
void of_multi_abandon(of_multi *multi);

#endif
