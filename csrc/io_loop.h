/*
 * The I/O thread itself: what it does until it is stopped. Started by io_thread.c.
 */
#ifndef ONEFLOW_IO_LOOP_H
#define ONEFLOW_IO_LOOP_H

#include "transfer.h"

void *of_io_run(void *unused);

/* What the thread's multis do with a transfer that is done. */
void of_io_end(of_transfer *transfer);

#endif
