/*
 * Once for the process: libcurl is initialised, with an allocator that zeroes what it frees when
 * nobody was before us (libcurl and TLS keep copies of headers that no one else can wipe), and
 * forks are counted. Any thread.
 */
#ifndef ONEFLOW_CURL_INIT_H
#define ONEFLOW_CURL_INIT_H

#include <stddef.h>

/* For libraries that work on what somebody else sent or sends: wiped when it is freed. */
void *of_zeroing_alloc(size_t size);
void of_zeroing_free(void *block);

/* How large libcurl's buffer for what comes is to be. It is wiped after each transfer, and most
   answers need no more. */
enum { OF_RECEIVE = 8 * 1024 };

typedef enum of_zeroing {
    OF_ZEROING_FAILED,  /* libcurl could not be initialised */
    OF_ZEROING_CORE,    /* only the core's own memory: somebody initialised libcurl before */
    OF_ZEROING_PROCESS, /* all of libcurl's memory as well */
} of_zeroing;

/* Any number of times. */
of_zeroing of_curl_init(void);

/* Another number in a child made by fork() than in its parent, without the system call of getpid.
 */
unsigned of_process(void);

/* How often memory was asked for in vain by libcurl, with OF_ZEROING_PROCESS only, and in its
   callbacks. */
unsigned long of_allocation_failures(void);
void of_note_allocation_failure(void);

#endif
