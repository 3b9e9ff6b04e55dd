/*
 * The owner of transfers: the part of an engine that lower-level files use. It is the first member
 * of of_engine.
 *
 * References are counted: each transfer holds one, and so does the I/O thread while it completes
 * requests of an engine that nobody refers to any more. Each share belongs to the thread that
 * drives its curl_multi.
 */
#ifndef ONEFLOW_OWNER_H
#define ONEFLOW_OWNER_H

#include "config.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

typedef struct of_owner of_owner;
typedef struct of_transfer of_transfer;
typedef struct of_easy of_easy;
typedef struct of_multi of_multi;

/* Functions of the engine that lower-level files call. */
typedef struct of_owner_calls {
    void (*end)(of_owner *owner); /* frees the owner after its last reference */
    /* Frees a transfer and its references. `on_thread`: called by the I/O thread. */
    void (*end_transfer)(of_transfer *transfer, bool on_thread);
    bool (*hand_over)(of_owner *owner); /* hands the transfers of its inline multi to the I/O
                                           thread; false: it has none */
} of_owner_calls;

enum { OF_INLINE, OF_THREAD, OF_SHARES };

/* An owner's state for one curl_multi. */
typedef struct of_share {
    of_easy *idle; /* idle easy handles, whose connections belong to the curl_multi */
    CURLU *origin; /* the parsed origin of all requests; NULL: not made yet */
    long idle_count;
    long running;
} of_share;

struct of_owner {
    of_config config;
    const of_owner_calls *calls;
    atomic_long references;
    of_share shares[OF_SHARES];
    _Atomic(pthread_t) thread; /* the thread that last used it */
    /* Under the I/O thread's lock: */
    bool threaded; /* in the list of owners that use the thread */
    bool closing;  /* asks the thread to end its transfers */
    bool dropped;  /* nobody refers to the engine: requests that may have been applied run to their
                      end first */
    bool draining; /* such requests are running, and the thread holds a reference */
    of_multi *adopted; /* its inline multi, once handed to the thread */
    long pending;      /* number of its transfers on the thread */
    of_owner *next_threaded;
};

void of_owner_ref(of_owner *owner);
void of_owner_unref(of_owner *owner);

#endif
