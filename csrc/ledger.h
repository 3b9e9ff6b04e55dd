/*
 * The ledger: the requests of this process that must not be repeated, each from its submission
 * until its answer is taken. What became of those whose caller is gone, or whose process ends, is
 * written to standard error (in nginx: its error log), a line each with method, path and acting
 * user. Knows nothing of threads: all of it under the I/O thread's lock, but for of_ledger_tell.
 */
#ifndef ONEFLOW_LEDGER_H
#define ONEFLOW_LEDGER_H

#include "transfer.h"

void of_ledger_add(of_transfer *transfer);
void of_ledger_remove(of_transfer *transfer);

/* In a child made by fork(): they are the parent's. */
void of_ledger_abandon(void);

/* Of a transfer that is done, and its caller gone: what became of it, if it may have been applied.
   Whoever has the transfer. */
void of_ledger_tell(const of_transfer *transfer);

/* The process ends: a line for each whose caller has not been told and never will be. */
void of_ledger_tell_end(void);

/* After that: one of those came to its end all the same. */
void of_ledger_tell_late(const of_transfer *transfer);

/* Is one of them still carried by the I/O thread? For how many milliseconds at most its engine
   waits for it, and -1: none is. */
long of_ledger_drain(void);

/* One on the wire that an inline multi of this thread carries; NULL: there is none. */
of_transfer *of_ledger_inline(void);

#endif
