/*
 * What the header lines of an answer say. Nothing is kept; any thread.
 */
#ifndef ONEFLOW_HEAD_H
#define ONEFLOW_HEAD_H

#include "memory.h"

/* The value of a header, the last one if there are several; NULL: there is none, or it goes on in
   the next line, so that this one alone is not it. It is not ended by a NUL. */
const char *of_head_find(const of_buffer *head, const char *name, size_t *length);

/* NULL, or what is wrong with the lines of an answer: libcurl, or another reader on the way, might
   take what follows them for something else than its sender. `head` is not empty. */
const char *of_head_check(const of_buffer *head);

/* NULL, or why the body that follows cannot be read. `*gzip` says that it is packed. */
const char *of_head_coding(const of_buffer *head, bool *gzip);

#endif
