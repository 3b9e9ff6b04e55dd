/*
 * Where a request may go. The origin and the base path are fixed when the engine is made; a request
 * adds a path and a query, which cannot change them. of_url owns its strings. No other state; any
 * thread.
 */
#ifndef ONEFLOW_URL_H
#define ONEFLOW_URL_H

#include "memory.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct of_url {
    char *origin; /* scheme://host[:port] */
    char *path;   /* base path without a trailing slash, may be empty */
    bool tls;
    bool loopback;
} of_url;

/* Returns NULL, or what is wrong with the base URL; then `url` is empty. */
const char *of_url_parse(of_url *url, const char *text, size_t length);
void of_url_free(of_url *url);

/* Writes the origin of a complete URL that the service returned; its path and query are not
   checked. Returns NULL, or what is wrong. Whether requests may go to that origin is checked by
   of_url_parse. */
const char *of_url_origin(of_buffer *origin, const char *text, size_t length);

/* Writes the request target for a URL that of_url_origin accepted. */
void of_url_target(of_buffer *target, const char *text);

/* NULL when the path stays below the base path. */
const char *of_check_path(const char *path, size_t length);

/* Percent-encodes everything except the unreserved characters of RFC 3986. False: limit or
   memory. */
bool of_escape(of_buffer *out, const char *bytes, size_t length);

/* Is the string well-formed UTF-8 without surrogates? */
bool of_utf8(const char *bytes, size_t length);

#endif
