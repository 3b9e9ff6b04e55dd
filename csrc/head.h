/*
 * Reads the header lines of an answer. Keeps no state except in the caller's structures; any
 * thread.
 */
#ifndef ONEFLOW_HEAD_H
#define ONEFLOW_HEAD_H

#include "memory.h"

#include <stdint.h>

/* The value of a header; of several, the last one. Not NUL-terminated. NULL: the header is missing,
   or is folded onto the next line, so that this line alone is not the value. */
const char *of_head_find(const of_buffer *head, const char *name, size_t *length);

/* What the header lines of one answer have said so far; initially all zeros. */
typedef struct of_head_seen {
    const char *odd;   /* why the header lines are invalid: libcurl, or a proxy, might read what
                          follows differently from its sender; NULL: they are valid */
    const char *coded; /* why the body's encoding is not supported; NULL: it is */
    bool gzip;         /* the body is gzip */
    bool chunked;
    bool has_length;
    bool in_framing; /* the last line must not be folded onto the next one */
    uint64_t length;
    size_t lines;
} of_head_seen;

/* Reads the next line: first the status line, last the empty line. */
void of_head_see(of_head_seen *seen, const char *line, size_t length);

#endif
