/*
 * The owner of transfers: of the engine that they belong to, what the rooms below it see. An engine
 * begins with it.
 *
 * References are counted: each transfer holds one, and so does the I/O thread while it carries on
 * what nobody waits for. Shares belong each to the thread that drives their curl_multi.
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

/* What the rooms below ask of the engine. */
typedef struct of_owner_calls {
    void (*end)(of_owner *owner); /* nobody has a reference */
    /* Frees it, and gives back what it refers to. `on_thread`: not on its owner's thread. */
    void (*end_transfer)(of_transfer *transfer, bool on_thread);
    bool (*hand_over)(of_owner *owner); /* what its inline multi carries goes to the I/O thread;
                                           false: it has none */
} of_owner_calls;

enum { OF_INLINE, OF_THREAD, OF_SHARES };

/* An owner's part in a curl_multi. */
typedef struct of_share {
    of_easy *idle; /* easy handles whose connections are the curl_multi's */
    CURLU *origin; /* that all of them go to; NULL: not made yet */
    long idle_count;
    long running;
} of_share;

struct of_owner {
    of_config config;
    const of_owner_calls *calls;
    atomic_long references;
    of_share shares[OF_SHARES];
    _Atomic(pthread_t) thread; /* that used it last */
    /* Under the I/O thread's lock: */
    bool threaded;     /* among those that use the thread */
    bool closing;      /* wants to be let go by it */
    bool dropped;      /* its own owner is gone: what may be applied runs to its end before that */
    bool draining;     /* it does so, and the thread has a reference */
    of_multi *adopted; /* the inline multi, then the thread's */
    long pending;      /* transfers that the thread has of it */
    of_owner *next_threaded;
};

void of_owner_ref(of_owner *owner);
void of_owner_unref(of_owner *owner);

#endif
