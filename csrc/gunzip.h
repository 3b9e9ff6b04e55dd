/*
 * Unpacks a gzip body piece by piece and tells whether it is complete: libcurl would accept a
 * truncated one. Belongs to one transfer. Any thread, one at a time.
 */
#ifndef ONEFLOW_GUNZIP_H
#define ONEFLOW_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct of_gunzip of_gunzip;

/* NULL: no memory. */
of_gunzip *of_gunzip_new(void);
void of_gunzip_free(of_gunzip *gunzip); /* NULL is none */

typedef enum of_gunzipped {
    OF_GUNZIP_GOOD,
    OF_GUNZIP_BAD,      /* not gzip, or the checksum is wrong */
    OF_GUNZIP_TRAILING, /* there is data after its end */
    OF_GUNZIP_MEMORY,
    OF_GUNZIP_STOPPED, /* `emit` wants no more */
} of_gunzipped;

/* Unpacks these bytes and passes the result to `emit`, piece by piece. */
of_gunzipped of_gunzip_write(of_gunzip *gunzip, const char *bytes, size_t length,
                             bool (*emit)(void *context, const char *bytes, size_t length),
                             void *context);

/* Is the body complete, with the right checksum? */
bool of_gunzip_ended(const of_gunzip *gunzip);

#endif
