/*
 * What the header lines of an answer say. Nothing is kept; any thread.
 */
#ifndef ONEFLOW_HEAD_H
#define ONEFLOW_HEAD_H

#include "memory.h"

/* The value of a header, the last one if there are several; NULL: there is none. It is not ended by
   a NUL. */
const char *of_head_find(const of_buffer *head, const char *name, size_t *length);

#endif
