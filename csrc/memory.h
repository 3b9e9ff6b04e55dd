/*
 * Memory that may hold a secret.
 *
 * of_wipe        clears bytes in a way that the compiler keeps.
 * of_buffer      a growing byte string with a cap. Its owner frees it; freeing wipes. Any thread,
 *                one at a time.
 * of_global_init initialises libcurl once for the process, with an allocator that zeroes what it
 *                frees when nobody was before us: libcurl and TLS keep copies of headers that no
 *                one else can wipe. Any thread, any number of times.
 */
#ifndef ONEFLOW_MEMORY_H
#define ONEFLOW_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void of_wipe(void *bytes, size_t length);

typedef struct of_buffer {
    char *bytes; /* NUL-terminated whenever not NULL */
    size_t length;
    size_t capacity;
    size_t limit;  /* most bytes it may hold */
    bool overflow; /* an append went past the limit */
    bool starved;  /* an append found no memory */
} of_buffer;

void of_buffer_init(of_buffer *buffer, size_t limit);
bool of_buffer_append(of_buffer *buffer, const void *bytes, size_t length);
bool of_buffer_puts(of_buffer *buffer, const char *text);
void of_buffer_cut(of_buffer *buffer, size_t length); /* what is behind is gone and wiped */
void of_buffer_clear(of_buffer *buffer);              /* empty and wiped, memory kept */
void of_buffer_free(of_buffer *buffer);

/* A wiped-on-free copy with a NUL behind it; NULL when memory is short. */
char *of_copy(const char *bytes, size_t length);
void of_free_copy(char *bytes);

/* What a function that returns words returns for want of memory: its very address, so that nothing
   else is taken for it. */
extern const char of_no_memory[];

/* Why an append to this buffer failed. */
const char *of_buffer_why(const of_buffer *buffer);

/* For libraries that work on what somebody else sent or sends: wiped when it is freed. */
void *of_zeroing_alloc(size_t size);
void of_zeroing_free(void *block);

typedef enum of_zeroing {
    OF_ZEROING_FAILED,  /* libcurl could not be initialised */
    OF_ZEROING_CORE,    /* only the core's own memory: somebody initialised libcurl before */
    OF_ZEROING_PROCESS, /* all of libcurl's memory as well */
} of_zeroing;

of_zeroing of_global_init(void);

/* Another number in a child made by fork() than in its parent, without the system call of getpid.
 */
unsigned of_process(void);

/* How often memory was asked for in vain by libcurl, with OF_ZEROING_PROCESS only, and in its
   callbacks. */
unsigned long of_refusals(void);
void of_note_refusal(void);

#endif
