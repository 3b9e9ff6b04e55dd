/*
 * What the header lines of an answer say. Nothing is kept but in what the caller brings; any
 * thread.
 */
#ifndef ONEFLOW_HEAD_H
#define ONEFLOW_HEAD_H

#include "memory.h"

#include <stdint.h>

/* The value of a header, the last one if there are several; NULL: there is none, or it goes on in
   the next line, so that this one alone is not it. It is not ended by a NUL. */
const char *of_head_find(const of_buffer *head, const char *name, size_t *length);

/* What the lines of one answer said so far; all zeros before the first of them. */
typedef struct of_head_seen {
    const char *odd;   /* why they are none: libcurl, or another reader on the way, might take what
                          follows for something else than its sender; NULL: they are good */
    const char *coded; /* why the body cannot be read; NULL: it can */
    bool gzip;         /* the body is packed */
    bool chunked;
    bool has_length;
    bool in_framing; /* the last line must not go on in the next one */
    uint64_t length;
    size_t lines;
} of_head_seen;

/* The next line, the status line first, the empty one last. */
void of_head_see(of_head_seen *seen, const char *line, size_t length);

#endif
