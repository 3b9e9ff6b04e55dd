/*
 * The I/O thread: one for the process, with one multi, for every engine whose calls must not block
 * the caller's thread. It starts with the first such call, and ends when the last engine that used
 * it is closed, and at exit. Between calls it sleeps. It calls no Lua, and blocks every signal.
 *
 * It can serve a notify socket: a unix socket through which nginx's event loop is notified of done
 * transfers.
 *
 * Any thread may call these functions.
 */
#ifndef ONEFLOW_IO_THREAD_H
#define ONEFLOW_IO_THREAD_H

#include "queue.h"
#include "transfer.h"

/* Creates a queue that the thread fills; NULL: no memory. */
of_queue *of_io_queue_new(void);

/* Hands a transfer to the thread. OF_OK; otherwise nothing happened and `*why` says why. */
of_kind of_io_submit(of_transfer *transfer, const char **why);

/* Waits until the transfer is done, for at most `milliseconds`. */
bool of_io_wait(of_transfer *transfer, long milliseconds);

/* Asks the thread to cancel the transfer. */
void of_io_cancel(of_transfer *transfer);
/* Releases a transfer whose caller is gone. False: it is already done, and the caller has to
   release it. */
bool of_io_orphan(of_transfer *transfer);

/* Adds an inline transfer that must not be repeated to the outstanding ones. */
void of_io_list(of_transfer *transfer);

/* Hands an engine's inline multi to the thread; it may only carry transfers that may have been
   applied. False: the thread could not be started. */
bool of_io_adopt(of_multi *multi, of_owner *owner);

/* Shuts down a connection of the thread's multi; a transfer on it ends soon after. */
void of_io_disconnect(uint64_t number);

/* Ends the engine's transfers on the thread and waits for that. `dropped`: those that may have been
   applied continue, and are not waited for. */
void of_io_close(of_owner *owner, bool dropped);

/* Removes a transfer from the outstanding ones and its queue, before it is freed. */
void of_io_detach(of_transfer *transfer);

/* Opens the notify socket, if it is not open yet -> its path; NULL: `*kind` and `*why` say why not.
   `folder` is created if necessary and must be accessible to this user only; NULL: a folder that
   the library creates. */
const char *of_io_notify_socket(const char *folder, of_kind *kind, const char **why);

#endif
