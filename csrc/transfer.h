/*
 * A transfer: a request as it was composed, its buffers, its state and its result. Knows nothing of
 * curl_multi, threads and Lua.
 *
 * A transfer is its owner's (the caller's thread) until it is handed to a multi, the multi's
 * until it is done, and then its owner's again; `state` says so. What both sides write meanwhile is
 * written under the I/O thread's lock: `released` and `cancel`, and what the ledger has of it.
 */
#ifndef ONEFLOW_TRANSFER_H
#define ONEFLOW_TRANSFER_H

#include "connection.h"
#include "credentials.h"
#include "form.h"
#include "gunzip.h"
#include "head.h"
#include "kind.h"
#include "memory.h"
#include "owner.h"
#include "target.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* What a good answer is, and where its body goes. Of a file it must tell how long it is, and be no
   web page and no JSON; any other answer's body is kept in memory, up to the cap. */
typedef enum of_answer {
    OF_ANSWER_JSON,
    OF_ANSWER_BYTES,  /* a file, into memory */
    OF_ANSWER_TARGET, /* a file, onto disk: it has its name when the transfer is done and good */
    OF_ANSWER_STREAM, /* a file, handed out piece by piece: inline only, see of_transfer_read */
} of_answer;

/* A request as it will be sent. The strings are the caller's for the length of the call, but for
 * the method. */
typedef struct of_request {
    const char *method; /* a constant */
    const char *path;   /* below the base path, already escaped */
    size_t path_length;
    const char *query; /* already escaped, NULL: none */
    const char *body;  /* NULL: none */
    size_t body_length;
    const char *user; /* the acting user's e-mail; NULL: no header, the anonymous administrator */
    size_t user_length;
    const char *headers; /* further header lines, checked, each ended by a NUL, an empty one at the
                            end; may be NULL */
    long timeout;        /* milliseconds, from the start of the attempt to its end */
    bool repeatable;     /* no: only connections idle for a short time are used */
    bool fresh;          /* a new connection, whatever is idle */
    of_form *form;       /* instead of a body; NULL: none */
    of_answer answer;
    of_target *target; /* of OF_ANSWER_TARGET */
} of_request;

typedef struct of_queue of_queue;

struct of_transfer {
    of_owner *owner; /* counted */
    of_queue *queue; /* counted; NULL: none */
    of_multi *multi; /* while it is not done */
    of_transfer *previous;
    of_transfer *next;          /* in a list of its multi's, or of its queue's once done */
    of_easy *easy;              /* the engine's, lent while it runs */
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
    unsigned long allocation_failures; /* of memory, before it began */
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

typedef struct of_list {
    of_transfer *first;
    of_transfer *last;
    long count;
} of_list;

void of_list_append(of_list *list, of_transfer *transfer);
void of_list_remove(of_list *list, of_transfer *transfer);

/* A new one, all zeros but for its buffers' limits. NULL: no memory. */
of_transfer *of_transfer_new(void);

/* Frees its memory; what it refers to was given back. */
void of_transfer_free(of_transfer *transfer);

/* As new, with the memory of its buffers. */
void of_transfer_wipe(of_transfer *transfer);

/* Composes request line, headers and body, with the token if the owner has credentials. OF_OK;
   OF_MEMORY; OF_VALIDATION, and then `*field` and `*why`. */
of_kind of_transfer_compose(of_transfer *transfer, const of_token *token, const of_request *request,
                            const char **field, const char **why);

/* Of a request nothing stays that it carried. */
void of_transfer_forget_request(of_transfer *transfer);

/* A form or a file: neither JSON nor hurried. */
bool of_transfer_streams(const of_transfer *transfer);

/* Has it something to read? */
bool of_transfer_readable(const of_transfer *transfer);

/* May it be dropped? Not when it is on the wire and must not be repeated. */
bool of_transfer_droppable(const of_transfer *transfer);

bool of_transfer_done(const of_transfer *transfer);

/* What has come of a file that is handed out piece by piece: at most 256 KiB, then the service
   waits. It stays until of_engine_consume. */
const char *of_transfer_read(const of_transfer *transfer, size_t *length);

/* Bytes of the file, or of the form that is sent, so far and in all; `total` -1: not known. An
   inline one's. */
void of_transfer_progress(const of_transfer *transfer, int64_t *done, int64_t *total);

/* By which its queue knows it, until it is released; 0: it has no queue. */
unsigned long of_transfer_number(const of_transfer *transfer);

/* What became of a transfer whose connection was shut down. */
#define OF_DISCONNECTED "the connection was shut down, as an answer on it was the wrong one"

typedef struct of_result {
    of_kind kind;
    const char *message;
    bool sent;             /* may bytes of the request have left? (libcurl's codes do not tell) */
    long status;           /* 0: no answer came */
    long connects;         /* new connections made for it */
    uint64_t connection;   /* that it went out on; 0: none, or not known */
    long retry_after;      /* seconds, 0: none */
    const of_buffer *head; /* the header lines of the last answer */
    const of_buffer *body;
} of_result;

/* What became of a transfer that is done; points into the transfer. */
void of_transfer_result(const of_transfer *transfer, of_result *result);

#endif
