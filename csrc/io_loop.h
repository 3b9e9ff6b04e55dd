/*
 * The main loop of the I/O thread. io_thread.c starts and stops the thread.
 */
#ifndef ONEFLOW_IO_LOOP_H
#define ONEFLOW_IO_LOOP_H

#include "transfer.h"

void *of_io_run(void *unused);

/* The `on_done` callback of the thread's multis. */
void of_io_end(of_transfer *transfer);

#endif
