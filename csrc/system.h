/*
 * What the core needs of the system: a clock, and descriptors. No state; any thread.
 */
#ifndef ONEFLOW_SYSTEM_H
#define ONEFLOW_SYSTEM_H

#include <stdbool.h>

/* A monotonic clock in milliseconds. */
long long of_now(void);

void of_sleep(long milliseconds);

/* For at most so many milliseconds a caller's thread waits in one go: a signal that comes right
   before it begins to wait is seen after that. */
enum { OF_SLICE_MILLISECONDS = 250 };

/* No child program inherits what these give, not even one that another thread starts meanwhile,
   where the system can do that; -1 or false with errno otherwise. */
int of_socket(int family, int type, int protocol);
int of_accept(int listener);

/* The descriptor, moved if it has the number of standard input, output or error, as in a program
   that was started without these: what is printed must not get into a connection or a file. -1
   stays. */
int of_off_standard(int fd);

/* Both ends do not block. False: there is none, both are -1. */
bool of_pipe(int ends[2]);
void of_close_pipe(int ends[2]);

/* What this machine lacks, in words: of an errno; NULL: it is none of that kind. */
const char *of_shortage(int error);
/* At present: no two descriptors are left. */
const char *of_shortage_now(void);

#endif
