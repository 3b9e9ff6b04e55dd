/*
 * The I/O thread: one for the process, with one multi, for every engine whose calls must not block
 * their thread. It starts with the first such call, ends with the last engine that used it, and at
 * exit; between calls it sleeps. No Lua on it, and every signal is blocked there.
 *
 * It can keep a notify socket: a unix socket at which nginx's event loop learns what is done.
 *
 * Any thread may call.
 */
#ifndef ONEFLOW_IO_THREAD_H
#define ONEFLOW_IO_THREAD_H

#include "queue.h"
#include "transfer.h"

/* A queue that the thread fills; NULL: no memory. */
of_queue *of_io_queue_new(void);

/* Hands a transfer over. OF_OK, or nothing happened and `*why` says why. */
of_kind of_io_submit(of_transfer *transfer, const char **why);

/* Waits until it is done, for at most `milliseconds`. */
bool of_io_wait(of_transfer *transfer, long milliseconds);

/* Its caller wants it dropped. */
void of_io_cancel(of_transfer *transfer);
/* Its caller is gone. False: it is done, and the caller's still. */
bool of_io_orphan(of_transfer *transfer);

/* An inline transfer must not be repeated. */
void of_io_list(of_transfer *transfer);

/* Takes an engine's own multi, in which only such transfers run that may be applied. False: there
   is no thread for it. */
bool of_io_adopt(of_multi *multi, of_owner *owner);

/* Shuts a connection of the thread's down; a transfer that is on it ends soon. */
void of_io_disconnect(uint64_t number);

/* Ends what the thread has of an engine, and waits for that; of a dropped one without what may be
   applied, which it does not wait for. */
void of_io_close(of_owner *owner, bool dropped);

/* Before its memory goes: ledger and queue forget a transfer. */
void of_io_detach(of_transfer *transfer);

/* Opens the notify socket, if it is not open yet -> its path, NULL: `*kind` and `*why` say why not.
   The folder is made if need be, and must be this user's alone; NULL: one of the library's own. */
const char *of_io_notify_socket(const char *folder, of_kind *kind, const char **why);

#endif
