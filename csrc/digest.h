/* Digests and a comparison from the TLS library that libcurl uses. Keeps nothing; any thread. */
#ifndef ONEFLOW_DIGEST_H
#define ONEFLOW_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { OF_SHA1_HEX = 40, OF_SHA256_HEX = 64 };

/* Writes 64 lower-case hex digits and a NUL. */
bool of_sha256(const void *bytes, size_t length, char hex[OF_SHA256_HEX + 1]);

/* Writes 40 lower-case hex digits and a NUL. Used only for webhook signatures, which the service
   makes with SHA-1. */
bool of_sha1(const void *bytes, size_t length, char hex[OF_SHA1_HEX + 1]);

/* Are the bytes equal? The time does not depend on where they differ; a difference in length does
   show. */
bool of_equal(const void *a, size_t a_length, const void *b, size_t b_length);

#endif
