/*
 * The engine: HTTP with credentials, over libcurl, and no Lua.
 *
 * An engine owns everything that libcurl needs for it: its multi with the connections, the idle
 * easy handles, the transfers with their header lists and buffers, and the token. It is freed in
 * libcurl's order, at close or with its last reference, whichever comes first. References are
 * counted, so that whoever collects them may do so in any order; a transfer holds one, and stays
 * valid (as cancelled) when its engine is closed before it.
 *
 * Nobody loses the knowledge of whether a request was applied that must not be repeated: with its
 * owner gone it runs to its end, on the I/O thread if need be, and what became of it is written to
 * standard error; see ledger.h.
 *
 * Two multis carry transfers: inline, the caller's thread drives them while it waits; threaded,
 * the I/O thread of the process does. An engine, its transfers and its queues are used by one
 * thread at a time, the caller's; what the I/O thread shares with it stands in transfer.h. In a
 * child made by fork() the parent's connections are abandoned, never shared, and the engine starts
 * anew.
 */
#ifndef ONEFLOW_ENGINE_H
#define ONEFLOW_ENGINE_H

#include "config.h"
#include "credentials.h"
#include "queue.h"
#include "transfer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct of_engine of_engine;

/* The engine that an owner is the beginning of. */
of_engine *of_engine_of(of_owner *owner);

/* Copies what it is given. NULL: `*why` says why, `*option` names the offending option. */
of_engine *of_engine_new(const char *base_url, size_t base_url_length, const of_options *options,
                         const char **option, const char **why);
void of_engine_unref(of_engine *engine);

/* Cancels what runs, closes the connections, wipes the token. May be called again. */
void of_engine_close(of_engine *engine);

/* As close, for an engine whose owner is gone: but what is on the wire and must not be repeated
   runs to its end, on the I/O thread. When the process ends before that, a line is written for
   each, and then it is waited for, for at most `drain`. */
void of_engine_drop(of_engine *engine);
bool of_engine_closed(const of_engine *engine);

of_token *of_engine_token(of_engine *engine);
const of_config *of_engine_config(const of_engine *engine);

/*
 * Checks the request, composes its headers and queues it. One submit is at most one request on the
 * wire. OF_OK: `*transfer` is the caller's, to be released; otherwise `*why`, and `*field` names
 * what was refused; nothing was or will be sent.
 *
 * `queue` names the multi and hands the transfer out once it is done; NULL: inline, and the caller
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

/* One turn of the inline multi, without waiting. */
void of_engine_step(of_engine *engine);

/* The inline multi; NULL: none has been needed yet. */
of_multi *of_engine_multi(const of_engine *engine);

/* Drops it, as cancelled, unless it is done, or is on the wire and must not be repeated: then it
   runs to its end. A threaded one is done soon. */
void of_engine_cancel(of_transfer *transfer);

/* Goes on with what is handed out piece by piece, of which of_transfer_read told what has come. */
void of_engine_consume(of_transfer *transfer);

/* No answer is taken any more from the connection of this number, as of_transfer_result tells it:
   it is shut down, and whatever is on it or was not taken yet has failed. Of an engine's own
   connections, and of those of the I/O thread; of others, and when it is closed, nothing happens.
 */
void of_engine_disconnect(of_engine *engine, uint64_t number);

/* Gives back a transfer that is done, and whose result was taken. */
void of_engine_release(of_transfer *transfer);

/* Its owner is gone. It is cancelled as by of_engine_cancel; what may be applied is told on
   standard error. */
void of_engine_orphan(of_transfer *transfer);

#endif
