/* Random numbers that nobody guesses, the system's. Any thread. */
#ifndef ONEFLOW_RANDOM_H
#define ONEFLOW_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

enum { OF_RANDOM_MAX = 64 };

/* `count` hex digits, at most OF_RANDOM_MAX, and a NUL. False: there are none to be had; errno. */
bool of_random_hex(char *hex, size_t count);

#endif
