/* Random numbers that nobody guesses, from the TLS library that libcurl uses. Any thread. */
#ifndef ONEFLOW_RANDOM_H
#define ONEFLOW_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* `count` (even) hex digits and a NUL. False: there are none to be had. */
bool of_random_hex(char *hex, size_t count);

#endif
