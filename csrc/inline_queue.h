/*
 * The queue of a caller that waits himself: waiting on it drives the engines whose transfers it
 * has. One thread's, the caller's.
 */
#ifndef ONEFLOW_INLINE_QUEUE_H
#define ONEFLOW_INLINE_QUEUE_H

#include "queue.h"

/* NULL: no memory. */
of_queue *of_inline_queue_new(void);

#endif
