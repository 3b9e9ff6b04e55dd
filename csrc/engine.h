/*
 * The engine: HTTP with credentials, over libcurl, without Lua.
 *
 * An engine owns everything that libcurl needs for it: its multi with the connections, the idle
 * easy handles, the transfers with their header lists and buffers, and the token. All of it is
 * freed in the order that libcurl requires, at close or with the last reference, whichever comes
 * first. References are counted, so Lua may collect the objects in any order. A transfer holds a
 * reference, and stays valid (as cancelled) when its engine is closed first.
 *
 * A request that must not be repeated never ends without a report of whether it was applied. If its
 * caller is gone, it runs to its end, on the I/O thread if necessary, and the result is written to
 * standard error; see outstanding.h.
 *
 * Two multis carry transfers. Inline, the caller's thread drives the engine's own multi while it
 * waits. Threaded, the I/O thread of the process drives its multi. An engine, its transfers and its
 * queues are used by one thread at a time, the caller's; transfer.h says what the I/O thread shares
 * with it. In a child made by fork() the parent's connections are abandoned, never shared, and the
 * engine opens new ones.
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

/* The engine whose first member this owner is. */
of_engine *of_engine_of(of_owner *owner);

/* Copies its arguments. NULL: `*why` says why, `*option` names the offending option. */
of_engine *of_engine_new(const char *base_url, size_t base_url_length, const of_options *options,
                         const char **option, const char **why);
void of_engine_unref(of_engine *engine);

/* Cancels the running transfers, closes the connections, wipes the token. May be called again. */
void of_engine_close(of_engine *engine);

/* As close, for an engine that nobody refers to any more; but a request on the wire that must not
   be repeated runs to its end, on the I/O thread. If the process ends earlier, exit writes a line
   for each of these and then waits for them, for at most `drain`. */
void of_engine_drop(of_engine *engine);
bool of_engine_closed(const of_engine *engine);

of_token *of_engine_token(of_engine *engine);
const of_config *of_engine_config(const of_engine *engine);

/*
 * Checks the request, composes its headers and queues it. One submit sends at most one request.
 * OF_OK: the caller owns `*transfer` and must release it. Otherwise `*why` says why and `*field`
 * names the refused argument; nothing was sent or will be.
 *
 * `queue` selects the multi, and hands out the transfer once it is done. NULL: the transfer runs
 * inline, and the caller waits for it with of_engine_wait.
 */
of_kind of_engine_submit(of_engine *engine, const of_request *request, of_queue *queue,
                         of_transfer **transfer, const char **field, const char **why);

/* Fetches a file from a location on another host that the service named: without credentials, and
   over connections that no other request uses. Only the fields of `request` about the answer and
   the time-out are used. */
of_kind of_engine_follow(of_engine *engine, const char *location, size_t length,
                         const of_request *request, of_queue *queue, of_transfer **transfer,
                         const char **why);

/* Only the checks of submit: OF_OK or OF_VALIDATION. */
of_kind of_engine_check(const of_engine *engine, const of_request *request, const char **field,
                        const char **why);

/* Waits until `transfer` is done or has something to read; if it is NULL, until any inline transfer
   is done. Waits for at most `milliseconds`, and at most a quarter of a second, so that the caller
   sees signals. True: done. */
bool of_engine_wait(of_engine *engine, of_transfer *transfer, long milliseconds);

/* Runs the inline multi once, without waiting. */
void of_engine_step(of_engine *engine);

/* The inline multi; NULL: not created yet. */
of_multi *of_engine_multi(const of_engine *engine);

/* Ends the transfer as cancelled, unless it is done, or is on the wire and must not be repeated:
   then it runs to its end. A threaded transfer ends a little later, on the I/O thread. */
void of_engine_cancel(of_transfer *transfer);

/* Discards the data that of_transfer_read returned and resumes the transfer. */
void of_engine_consume(of_transfer *transfer);

/* Shuts down the connection with this number (see of_transfer_result): transfers on it fail, and so
   do done ones whose result was not taken yet. Does nothing unless the connection is open and
   belongs to this engine or to the I/O thread. */
void of_engine_disconnect(of_engine *engine, uint64_t number);

/* Releases a transfer that is done and whose result was taken. */
void of_engine_release(of_transfer *transfer);

/* Releases a transfer whose caller is gone. Cancels it as of_engine_cancel does; if the request may
   have been applied, the result is written to standard error. */
void of_engine_orphan(of_transfer *transfer);

#endif
