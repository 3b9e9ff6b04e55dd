/*
 * Where a request may go: the origin and the base path are fixed when the engine is made, and a
 * request adds a path and a query that cannot change them. of_url owns its strings. Nothing here is
 * kept beyond the call, any thread.
 */
#ifndef ONEFLOW_URL_H
#define ONEFLOW_URL_H

#include "memory.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct of_url {
    char *origin; /* scheme://host[:port] */
    char *path;   /* base path without a slash at its end, may be empty */
    bool tls;
    bool loopback;
} of_url;

/* NULL when good, otherwise what is wrong with the base URL; `url` is then empty. */
const char *of_url_parse(of_url *url, const char *text, size_t length);
void of_url_free(of_url *url);

/* The origin of a whole URL that the service points to, whose path and query are nobody's business.
   NULL, or what is wrong with it; whether one may go there is of_url_parse's to say. */
const char *of_url_origin(of_buffer *origin, const char *text, size_t length);

/* What a request for that URL asks its origin for: of one that of_url_origin found good. */
void of_url_target(of_buffer *target, const char *text);

/* NULL when the path is one that stays below the base path. */
const char *of_check_path(const char *path, size_t length);

/* Percent-encodes all but the unreserved characters of RFC 3986. False: limit or memory. */
bool of_escape(of_buffer *out, const char *bytes, size_t length);

/* Is the string well-formed UTF-8 without surrogates? */
bool of_utf8(const char *bytes, size_t length);

#endif
