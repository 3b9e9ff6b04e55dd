/*
 * A gzip body, unpacked as its pieces come, and whether it came to its end: libcurl would take one
 * that is cut for whole. Belongs to one transfer. Any thread, one at a time.
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
    OF_GUNZIP_BAD,    /* it is no gzip, or not what its checksum says */
    OF_GUNZIP_BEHIND, /* there is something after its end */
    OF_GUNZIP_MEMORY,
    OF_GUNZIP_STOPPED, /* `take` wants no more */
} of_gunzipped;

/* Hands what is packed in these bytes to `take`, piece by piece. */
of_gunzipped of_gunzip_write(of_gunzip *gunzip, const char *bytes, size_t length,
                             bool (*take)(void *context, const char *bytes, size_t length),
                             void *context);

/* Did it come to its end, with the right checksum? */
bool of_gunzip_ended(const of_gunzip *gunzip);

#endif
