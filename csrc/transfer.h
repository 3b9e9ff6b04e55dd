/*
 * A transfer: a composed request, its buffers, its state and its result. Does not depend on
 * curl_multi, threads or Lua.
 *
 * A transfer belongs to its owner (the caller's thread) until it is handed to a multi, then to the
 * multi until it is done, and then to its owner again; `state` says which. Fields that both sides
 * write in between are written under the I/O thread's lock: `released`, `cancel`, and those of
 * outstanding.h.
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
    OF_HEADS_LIMIT = 256 * 1024, /* the same, including interim answers */
    OF_STREAM_LIMIT = 256 * 1024,
};

typedef enum of_state { OF_QUEUED, OF_RUNNING, OF_DONE } of_state;

/* Why a callback stopped a transfer; libcurl's code does not say. */
typedef enum of_stop {
    OF_STOP_NONE,
    OF_STOP_GUARD,
    OF_STOP_STALE,
    OF_STOP_LATE, /* the request could be sent only after its time-out */
    OF_STOP_HEAD,
    OF_STOP_ODD, /* invalid header lines; see `reason` */
    OF_STOP_BODY,
    OF_STOP_MEMORY,
    OF_STOP_FORM,   /* the form could not be read; see `reason` */
    OF_STOP_ANSWER, /* the answer is not the file; see `reason` */
    OF_STOP_EMPTY,  /* the file is empty */
    OF_STOP_TARGET  /* the target could not be written */
} of_stop;

/* What a good answer is, and where its body goes. A file's answer must state its length and be
   neither a web page nor JSON. The body of any other answer is kept in memory, up to the limit. */
typedef enum of_answer {
    OF_ANSWER_JSON,
    OF_ANSWER_BYTES,  /* a file, into memory */
    OF_ANSWER_TARGET, /* a file on disk; it gets its final name when the transfer has succeeded */
    OF_ANSWER_STREAM, /* a file, inline only; the caller reads it with of_transfer_read */
} of_answer;

/* A request as it will be sent. The caller owns the strings and keeps them valid during the call;
   the method is a constant. */
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
    bool repeatable;     /* false: only connections that were idle for a short time are reused */
    bool fresh;          /* always opens a new connection */
    of_form *form;       /* instead of a body; NULL: none */
    of_answer answer;
    of_target *target; /* for OF_ANSWER_TARGET */
} of_request;

typedef struct of_queue of_queue;

struct of_transfer {
    of_owner *owner; /* counted */
    of_queue *queue; /* counted; NULL: none */
    of_multi *multi; /* set until it is done */
    of_transfer *previous;
    of_transfer *next;          /* in a list of the multi, or once done in its queue's */
    of_easy *easy;              /* acquired from the owner while it runs */
    of_buffer header_text;      /* the header lines, each ended by a NUL */
    struct curl_slist *headers; /* libcurl's list over those lines */
    of_buffer url;              /* path and query, as in the request line */
    const char *method;         /* a constant, not freed */
    char user[OF_USER_MAX + 1]; /* acting user, for a line about it; "": anonymous administrator */
    char *body_out;
    size_t body_out_length;
    long timeout;
    long long submitted;   /* of_now() at submission: time in the queue counts */
    long long connect_end; /* of_now() at which the connect timeout ends */
    unsigned long number;
    unsigned long allocation_failures; /* the process's count, before the transfer was started */
    bool repeatable;
    bool fresh;
    bool released;        /* released by its owner */
    bool cancel;          /* cancelled by its owner */
    bool in_queue;        /* done, and not yet handed out by its queue */
    bool on_thread;       /* carried by the I/O thread; its owner writes it */
    bool listed;          /* is it among the outstanding ones, see outstanding.h */
    atomic_bool reported; /* its result was written, or a line at the end of the process */
    of_transfer *listed_previous;
    of_transfer *listed_next;
    atomic_int state;
    of_stop stop;
    of_buffer head;     /* the header lines of the last answer, followed by its trailer */
    size_t head_length; /* of the header lines; 0: the empty line after them has not arrived */
    size_t head_total;  /* length including interim answers */
    of_head_seen seen;
    of_buffer body;
    of_kind kind;
    long status;
    of_connection *connection; /* it was sent on, counted; NULL: not sent, or unknown */
    const char *shortage;      /* why no socket could be opened; NULL: one could, or unknown */
    atomic_long wire;          /* requests sent: 0 or 1 */
    long connects;
    long retry_after;
    char *message; /* for a failure; NULL: no memory even for the message */
    of_form *form; /* counted; instead of body_out */
    int64_t form_sent;
    int64_t form_total;
    of_answer answer;
    of_target *target; /* counted */
    bool judged;       /* it has been decided whether the answer is the file */
    bool accepted;     /* the answer is the file */
    bool paused;       /* the received data has not been read yet */
    of_gunzip *gunzip; /* for a gzip body, set when its first bytes arrive */
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

/* Creates a transfer: all zeros except for the limits of its buffers. NULL: no memory. */
of_transfer *of_transfer_new(void);

/* Frees the transfer's memory; its references must have been released before. */
void of_transfer_free(of_transfer *transfer);

/* Resets the transfer to a new one, but keeps the memory of its buffers. */
void of_transfer_wipe(of_transfer *transfer);

/* Composes request line, headers and body, with the token if the owner has credentials. OF_OK;
   OF_MEMORY; OF_VALIDATION, and then `*field` and `*why`. */
of_kind of_transfer_compose(of_transfer *transfer, const of_token *token, const of_request *request,
                            const char **field, const char **why);

/* Frees and wipes what the request carried; the path stays for a line about it, if it is listed. */
void of_transfer_forget_request(of_transfer *transfer);

/* Is it an upload or a download of a file? `stall` limits these as well as the time-out. */
bool of_transfer_streams(const of_transfer *transfer);

/* Is there received data to read? */
bool of_transfer_readable(const of_transfer *transfer);

/* May the transfer be dropped? Not when it is on the wire and must not be repeated. */
bool of_transfer_droppable(const of_transfer *transfer);

/* Was its connection shut down by of_connections_disconnect? */
bool of_transfer_disconnected(const of_transfer *transfer);

bool of_transfer_done(const of_transfer *transfer);

/* The received part of a file that is read piece by piece, at most 256 KiB; further data is not
   read from the socket until of_engine_consume, until which the bytes stay valid. */
const char *of_transfer_read(const of_transfer *transfer, size_t *length);

/* Bytes transferred so far and in all, of the file that is received or of the form that is sent;
   `total` -1: unknown. For inline transfers only. */
void of_transfer_progress(const of_transfer *transfer, int64_t *done, int64_t *total);

/* Its number in its queue, until it is released; 0: it has no queue. */
unsigned long of_transfer_number(const of_transfer *transfer);

/* The message for a transfer whose connection was shut down. */
#define OF_DISCONNECTED "the connection was shut down, as an answer on it was the wrong one"

typedef struct of_result {
    of_kind kind;
    const char *message;
    bool sent;   /* whether bytes of the request may have been sent; libcurl's codes do not tell */
    long status; /* 0: no answer came */
    long connects;         /* new connections opened for it */
    uint64_t connection;   /* number of the connection it was sent on; 0: not sent, or unknown */
    long retry_after;      /* seconds, 0: none */
    const of_buffer *head; /* the header lines of the last answer */
    const of_buffer *body;
} of_result;

/* The result of a done transfer; points into the transfer. */
void of_transfer_result(const of_transfer *transfer, of_result *result);

#endif
