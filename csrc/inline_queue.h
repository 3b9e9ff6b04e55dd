/*
 * The queue of a caller that drives its engines itself: waiting on the queue drives the engines
 * whose transfers are in it. Used by the caller's thread only.
 */
#ifndef ONEFLOW_INLINE_QUEUE_H
#define ONEFLOW_INLINE_QUEUE_H

#include "queue.h"

/* NULL: no memory. */
of_queue *of_inline_queue_new(void);

#endif
