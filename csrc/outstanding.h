/*
 * The outstanding requests: those of this process that must not be repeated, listed from submission
 * until the caller takes the answer. If the caller is gone or the process ends first, the result is
 * written to standard error (in nginx: its error log), one line per request with method, path and
 * acting user. Does not depend on threads: everything is called under the I/O thread's lock, except
 * of_outstanding_report.
 */
#ifndef ONEFLOW_OUTSTANDING_H
#define ONEFLOW_OUTSTANDING_H

#include "transfer.h"

void of_outstanding_add(of_transfer *transfer);
void of_outstanding_remove(of_transfer *transfer);

/* In a child made by fork(): empties the list, since the requests belong to the parent. */
void of_outstanding_abandon(void);

/* Writes the result of a done transfer whose caller is gone, if the request may have been applied.
   Called by the thread that owns the transfer. */
void of_outstanding_report(const of_transfer *transfer);

/* At the end of the process: writes a line for each listed request whose result the caller has not
   taken and will not take. */
void of_outstanding_report_end(void);

/* Called after of_outstanding_report_end: writes the result of a listed request that was done after
   all. */
void of_outstanding_report_late(const of_transfer *transfer);

/* The longest `drain`, in milliseconds, of the engines whose listed requests the I/O thread still
   carries; -1: it carries none. */
long of_outstanding_drain(void);

/* A listed request on the wire that an inline multi of this thread carries; NULL: there is none. */
of_transfer *of_outstanding_inline(void);

#endif
