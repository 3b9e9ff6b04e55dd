/*
 * Inside of the core: a transfer, the engine that it belongs to, and the driver that carries it.
 *
 * A transfer is its owner's (the caller's thread) until it is handed to a driver, the driver's
 * until it is done, and then its owner's again; `state` says so. What both sides write meanwhile is
 * written under the I/O thread's lock: `released` and `cancel`, and what the ledger has of it. An
 * engine's `lanes` belong each to the thread that drives them; its other fields do not change after
 * it was made, but for those that only the caller's thread uses.
 */
#ifndef ONEFLOW_TRANSFER_H
#define ONEFLOW_TRANSFER_H

#include "connection.h"
#include "engine.h"
#include "gunzip.h"
#include "head.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

enum { OF_INLINE, OF_THREAD, OF_LANES };

enum {
    OF_HEAD_LIMIT = 64 * 1024,   /* bytes of one answer's header lines */
    OF_HEADS_LIMIT = 256 * 1024, /* the same, with those of the interim answers before it */
    OF_STREAM_LIMIT = 256 * 1024,
};

typedef enum of_state { OF_QUEUED, OF_RUNNING, OF_DONE } of_state;

/* Why a callback stopped a transfer: libcurl's code does not say. */
typedef enum of_stop {
    OF_STOP_NONE,
    OF_STOP_GUARD,
    OF_STOP_STALE,
    OF_STOP_LATE, /* could be sent only now that its time is up */
    OF_STOP_HEAD,
    OF_STOP_ODD, /* header lines that are none; `reason` */
    OF_STOP_BODY,
    OF_STOP_MEMORY,
    OF_STOP_FORM,   /* could not be read; `reason` */
    OF_STOP_ANSWER, /* is not the file; `reason` */
    OF_STOP_EMPTY,  /* a file without bytes */
    OF_STOP_TARGET  /* could not be written */
} of_stop;

typedef struct of_carrier of_carrier;
typedef struct of_driver of_driver;

struct of_transfer {
    of_engine *engine; /* counted */
    of_queue *queue;   /* counted; NULL: none */
    of_driver *driver; /* while it is not done */
    of_transfer *previous;
    of_transfer *next;          /* in a list of its driver's, or of its queue's once done */
    of_carrier *slot;           /* the engine's, lent while it runs */
    of_buffer header_text;      /* the header lines, each ended by a NUL */
    struct curl_slist *headers; /* libcurl's list over those lines */
    of_buffer url;              /* path and query: what the request line has */
    const char *method;         /* not ours: a constant */
    char user[OF_USER_MAX + 1]; /* that a listed one acts as; "": the anonymous administrator */
    char *body_out;
    size_t body_out_length;
    long timeout;
    long long submitted;   /* of_now() then: time in a queue counts */
    long long connect_end; /* of_now() until which it may be connected, since it was begun */
    unsigned long number;
    unsigned long refusals; /* of memory, before it began */
    bool repeatable;
    bool fresh;
    bool released;    /* by its owner */
    bool cancel;      /* wanted by its owner */
    bool in_queue;    /* done, and not yet handed out by its queue */
    bool on_thread;   /* carried by the I/O thread; its owner writes it */
    bool listed;      /* in the ledger, see ledger.h */
    atomic_bool told; /* its end, or that of the process, by the ledger */
    of_transfer *listed_previous;
    of_transfer *listed_next;
    atomic_int state;
    of_stop stop;
    of_buffer head;     /* the header lines of the last answer, behind them its trailer */
    size_t head_length; /* of the header lines; 0: the empty line after them has not come */
    size_t head_total;  /* with those of interim answers */
    of_head_seen seen;
    of_buffer body;
    of_kind kind;
    long status;
    of_connection *connection; /* that it went out on, counted; NULL: none, or not known */
    const char *shortage;      /* why it got no socket; NULL: it got one, or that is not known */
    atomic_long wire;          /* requests that left, 1 at most; 0: none yet */
    long connects;
    long retry_after;
    char *message; /* of a failure; NULL: no memory even for that */
    of_form *form; /* counted; instead of body_out */
    int64_t form_sent;
    int64_t form_total;
    of_answer answer;
    of_target *target; /* counted */
    bool judged;       /* is its answer the file? */
    bool accepted;     /* it is */
    bool paused;       /* nobody has read what came */
    of_gunzip *gunzip; /* of a packed body, from its first bytes on */
    int64_t received;
    int64_t total;
    const char *reason;
};

/* An engine's part in a driver. */
typedef struct of_lane {
    of_carrier *idle; /* easy handles whose connections are the driver's */
    CURLU *origin;    /* that all of them go to; NULL: not made yet */
    long idle_count;
    long running;
} of_lane;

struct of_engine {
    atomic_long references;
    bool closed;
    unsigned process; /* that its own driver belongs to */
    of_url url;
    of_token token;
    char *user_agent;
    char *ca_file;
    char *proxy;
    long connect_timeout;
    long concurrency;
    size_t max_body;
    long stall;
    long drain;
    bool bare;           /* without credentials: of a storage host */
    of_engine *storages; /* those that this engine was pointed to; each counted */
    of_engine *next_storage;
    of_lane lanes[OF_LANES];
    of_driver *own;            /* the inline driver, made when it is needed */
    _Atomic(pthread_t) thread; /* that used it last */
    of_transfer *spare;        /* used ones, wiped, whose buffers serve the next */
    unsigned spares;
    /* Under the I/O thread's lock: */
    bool threaded;      /* among the engines that use the thread */
    bool closing;       /* wants to be let go by it */
    bool dropped;       /* its owner is gone: what may be applied runs to its end before that */
    bool draining;      /* it does so, and the thread has a reference to the engine */
    of_driver *adopted; /* the inline driver, then the thread's */
    long pending;       /* transfers that the thread has of it */
    of_engine *next_threaded;
};

typedef struct of_list {
    of_transfer *first;
    of_transfer *last;
    long count;
} of_list;

void of_list_append(of_list *list, of_transfer *transfer);
void of_list_remove(of_list *list, of_transfer *transfer);

/* What became of a transfer whose connection was shut down. */
#define OF_DISCONNECTED "the connection was shut down, as an answer on it was the wrong one"

/* Of a request nothing stays that it carried. */
void of_transfer_forget_request(of_transfer *transfer);

/* A form or a file: neither JSON nor hurried. */
bool of_transfer_bulky(const of_transfer *transfer);

/* Has it something to read? */
bool of_transfer_readable(const of_transfer *transfer);

/* Ends its life; `on_thread`: not on its owner's thread. */
void of_transfer_free(of_transfer *transfer, bool on_thread);

/* The driver of an engine that nobody will drive any more is given to the I/O thread, with what may
   be applied; the rest ends. */
void of_engine_hand_over(of_engine *engine);

/* May it be dropped? Not when it is on the wire and must not be repeated. */
bool of_transfer_droppable(const of_transfer *transfer);

#endif
