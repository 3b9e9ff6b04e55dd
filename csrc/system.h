/*
 * What the core needs of the system: a clock, and descriptors that no child program inherits.
 * No state; any thread.
 */
#ifndef ONEFLOW_SYSTEM_H
#define ONEFLOW_SYSTEM_H

#include <stdbool.h>

/* A monotonic clock in milliseconds. */
long long of_now(void);

void of_sleep(long milliseconds);

/* Both ends do not block. False: there is none, both are -1. */
bool of_pipe(int ends[2]);
void of_close_pipe(int ends[2]);

#endif
