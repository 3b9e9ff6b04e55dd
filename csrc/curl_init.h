/*
 * Initialises libcurl, once for the process, with an allocator that zeroes what it frees: libcurl
 * and TLS keep copies of headers that nothing else can wipe. If somebody else initialised libcurl
 * before, libcurl keeps their allocator. Also counts forks. Any thread.
 */
#ifndef ONEFLOW_CURL_INIT_H
#define ONEFLOW_CURL_INIT_H

#include <stddef.h>

/* The allocator for libraries that process data which was received or will be sent: a block is
   wiped when it is freed. */
void *of_zeroing_alloc(size_t size);
void of_zeroing_free(void *block);

/* The size of libcurl's receive buffer. It is wiped after each transfer, and most answers fit into
   it. */
enum { OF_RECEIVE = 8 * 1024 };

typedef enum of_zeroing {
    OF_ZEROING_FAILED,  /* libcurl could not be initialised */
    OF_ZEROING_CORE,    /* only the core's own memory: somebody else initialised libcurl before */
    OF_ZEROING_PROCESS, /* all of libcurl's memory as well */
} of_zeroing;

/* May be called any number of times. */
of_zeroing of_curl_init(void);

/* A number that differs between a child made by fork() and its parent; avoids the system call
   getpid. */
unsigned of_process(void);

/* How many of libcurl's allocations have failed: those through its allocator (with
   OF_ZEROING_PROCESS only), and those in its callbacks. */
unsigned long of_allocation_failures(void);
void of_note_allocation_failure(void);

#endif
