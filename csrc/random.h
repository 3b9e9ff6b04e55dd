/* Unpredictable random numbers from the operating system. Any thread. */
#ifndef ONEFLOW_RANDOM_H
#define ONEFLOW_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

enum { OF_RANDOM_MAX = 64 };

/* Writes `count` hex digits, at most OF_RANDOM_MAX, and a NUL. False: it failed, see errno. */
bool of_random_hex(char *hex, size_t count);

#endif
