/* SHA-256 from the TLS library that libcurl uses. Keeps nothing; any thread. */
#ifndef ONEFLOW_DIGEST_H
#define ONEFLOW_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { OF_SHA256_HEX = 64 };

/* 64 lower-case hex digits and a NUL. */
bool of_sha256(const void *bytes, size_t length, char hex[OF_SHA256_HEX + 1]);

#endif
