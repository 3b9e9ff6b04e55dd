/* The library's Lua files in memory. embed.lua writes these constants when the static library is
   built. */
#ifndef ONEFLOW_EMBEDDED_H
#define ONEFLOW_EMBEDDED_H

#include <stddef.h>

typedef struct of_embedded {
    const char *name;   /* for `require`; NULL ends the list */
    const char *source; /* "@oneflow/values/check.lua", the chunk name in messages */
    const unsigned char *text;
    size_t length;
} of_embedded;

extern const of_embedded of_embedded_modules[];

/* Names of the library's modules that are not among them; NULL ends the list. */
extern const char *const of_embedded_absent[];

#endif
