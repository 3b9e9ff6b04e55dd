/*
 * What the core needs from the operating system: a clock, and descriptors. No state; any thread.
 */
#ifndef ONEFLOW_SYSTEM_H
#define ONEFLOW_SYSTEM_H

#include <stdbool.h>

/* A monotonic clock in milliseconds. */
long long of_now(void);

void of_sleep(long milliseconds);

/* The longest single wait of a caller's thread, in milliseconds: a signal that arrives just before
   the wait begins is seen after it. */
enum { OF_SLICE_MILLISECONDS = 250 };

/* The descriptors that these functions return are not inherited by child programs, not even by one
   that another thread starts at the same time, where the system can ensure that. -1 or false on
   failure, with errno. */
int of_socket(int family, int type, int protocol);
int of_accept(int listener);

/* Moves the descriptor away from the numbers of standard input, output and error, which are free in
   a program that was started without these: printed text must not get into a connection or a file.
   -> the descriptor; -1 stays -1. */
int of_off_standard(int fd);

/* Both ends are non-blocking. False: it failed, both ends are -1. */
bool of_pipe(int ends[2]);
void of_close_pipe(int ends[2]);

/* If this errno means that the machine is short of a resource: which one, in words; otherwise
   NULL. */
const char *of_shortage(int error);
/* The same, of the present state: checks whether two descriptors can still be opened. */
const char *of_shortage_now(void);

#endif
