/*
 * The engine: HTTP with credentials, over libcurl, and no Lua.
 *
 * An engine owns everything that libcurl needs for it: its driver with the connections, the idle
 * easy handles, the transfers with their header lists and buffers, and the token. It is freed in
 * libcurl's order, at close or with its last reference, whichever comes first. References are
 * counted, so that whoever collects them may do so in any order; a transfer holds one, and stays
 * valid (as cancelled) when its engine is closed before it.
 *
 * Nobody loses the knowledge of whether a request was applied that must not be repeated: with its
 * owner gone it runs to its end, on the I/O thread if need be, and what became of it is written to
 * standard error; see ledger.h.
 *
 * Two drivers carry transfers: inline, the caller's thread drives them while it waits; threaded,
 * the I/O thread of the process does. An engine, its transfers and its queues are used by one
 * thread at a time, the caller's; what the I/O thread shares with it stands in transfer.h. In a
 * child made by fork() the parent's connections are abandoned, never shared, and the engine starts
 * anew.
 */
#ifndef ONEFLOW_ENGINE_H
#define ONEFLOW_ENGINE_H

#include "credentials.h"
#include "form.h"
#include "memory.h"
#include "target.h"
#include "url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What may become of a transfer; the names are those of the library's errors. */
#define OF_KINDS(X)                                                                                \
    X(OK, "ok")                                                                                    \
    X(CONNECTION, "connection")                                                                    \
    X(TIMEOUT, "timeout")                                                                          \
    X(TLS, "tls")                                                                                  \
    X(DECODE, "decode")                                                                            \
    X(MISMATCH, "mismatch")                                                                        \
    X(LIMIT, "limit")                                                                              \
    X(CANCELLED, "cancelled")                                                                      \
    X(MEMORY, "memory")                                                                            \
    X(IO, "io")                                                                                    \
    X(VALIDATION, "validation")

typedef enum of_kind {
#define OF_KIND_ENUM(name, text) OF_##name,
    OF_KINDS(OF_KIND_ENUM)
#undef OF_KIND_ENUM
} of_kind;

const char *of_kind_name(of_kind kind);

typedef struct of_options {
    const char *user_agent;
    const char *ca_file;  /* NULL: the system's */
    const char *proxy;    /* NULL: none; "env": the environment's; otherwise an URL */
    long connect_timeout; /* milliseconds */
    long concurrency;     /* transfers under way at once; the others wait their turn */
    size_t max_body;      /* decoded bytes of an answer */
    long stall;           /* seconds without a byte, after which a file is given up */
    long drain;           /* milliseconds that the end of the process waits, see of_engine_drop */
} of_options;

typedef struct of_engine of_engine;

/* Copies what it is given. NULL: `*why` says why, `*option` names the offending option. */
of_engine *of_engine_new(const char *base_url, size_t base_url_length, const of_options *options,
                         const char **option, const char **why);
void of_engine_ref(of_engine *engine);
void of_engine_unref(of_engine *engine);

/* Cancels what runs, closes the connections, wipes the token. May be called again. */
void of_engine_close(of_engine *engine);

/* As close, for an engine whose owner is gone: but what is on the wire and must not be repeated
   runs to its end, on the I/O thread. When the process ends before that, a line is written for
   each, and then it is waited for, for at most `drain`. */
void of_engine_drop(of_engine *engine);
bool of_engine_closed(const of_engine *engine);

of_token *of_engine_token(of_engine *engine);
const of_url *of_engine_url(const of_engine *engine);

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

typedef struct of_transfer of_transfer;
typedef struct of_queue of_queue;

/*
 * Checks the request, composes its headers and queues it. One submit is at most one request on the
 * wire. OF_OK: `*transfer` is the caller's, to be released; otherwise `*why`, and `*field` names
 * what was refused; nothing was or will be sent.
 *
 * `queue` names the driver and hands the transfer out once it is done; NULL: inline, and the caller
 * asks for the transfer itself.
 */
of_kind of_engine_submit(of_engine *engine, const of_request *request, of_queue *queue,
                         of_transfer **transfer, const char **field, const char **why);

/* Fetches a file from where the service pointed to: another host, asked without any credential,
   over connections that no other request uses. Of `request` counts what concerns answer and time.
 */
of_kind of_engine_follow(of_engine *engine, const char *location, size_t length,
                         const of_request *request, of_queue *queue, of_transfer **transfer,
                         const char **why);

/* The checks of submit alone: OF_OK or OF_VALIDATION. */
of_kind of_engine_check(const of_engine *engine, const of_request *request, const char **field,
                        const char **why);

/* Waits until `transfer` is done or has something to read, or any inline one is done when it is
   NULL, for at most `milliseconds` and never more than a quarter of a second: so that the caller's
   signals are seen. True: done. */
bool of_engine_wait(of_engine *engine, of_transfer *transfer, long milliseconds);

/* One turn of the inline driver, without waiting. */
void of_engine_step(of_engine *engine);

/* Drops it, as cancelled, unless it is done, or is on the wire and must not be repeated: then it
   runs to its end. A threaded one is done soon. */
void of_transfer_cancel(of_transfer *transfer);
bool of_transfer_done(const of_transfer *transfer);

/* No answer is taken any more from the connection of this number, as of_transfer_result tells it:
   it is shut down, and whatever is on it or was not taken yet has failed. Of an engine's own
   connections, and of those of the I/O thread; of others, and when it is closed, nothing happens.
 */
void of_engine_disconnect(of_engine *engine, uint64_t number);

/* What has come of a file that is handed out piece by piece: at most 256 KiB, then the service
   waits. It stays until `of_transfer_consume`, which goes on. */
const char *of_transfer_read(const of_transfer *transfer, size_t *length);
void of_transfer_consume(of_transfer *transfer);

/* Bytes of the file, or of the form that is sent, so far and in all; `total` -1: not known. An
   inline one's. */
void of_transfer_progress(const of_transfer *transfer, int64_t *done, int64_t *total);

/* By which its queue knows it, until it is released; 0: it has no queue. */
unsigned long of_transfer_number(const of_transfer *transfer);

/* Gives back a transfer that is done, and whose result was taken. */
void of_transfer_release(of_transfer *transfer);

/* Its owner is gone. It is cancelled as by of_transfer_cancel; what may be applied is told on
   standard error. */
void of_transfer_drop(of_transfer *transfer);

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

/* The CA file or folder in use, for messages. */
const char *of_engine_ca(const of_engine *engine);

/* A queue of done transfers. References are counted: each of its transfers holds one. */
of_queue *of_queue_new(bool threaded);
void of_queue_ref(of_queue *queue);
void of_queue_unref(of_queue *queue);

/* The number of a transfer that is done, each once; 0: none is. */
unsigned long of_queue_next(of_queue *queue);

/* Waits until something is in it, as of_engine_wait does. Inline, it drives the transfers. */
bool of_queue_wait(of_queue *queue, long milliseconds);

/* Threaded: a descriptor that is readable while something is in it, the queue's own; -1: there is
   none. */
int of_queue_fd(of_queue *queue);

/* Threaded: by which it is asked for at the door. */
unsigned long of_queue_number(const of_queue *queue);

#endif
