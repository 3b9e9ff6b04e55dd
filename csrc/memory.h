/*
 * Memory that may hold a secret.
 *
 * of_wipe    clears bytes in a way that the compiler keeps.
 * of_buffer  a growing byte string with a cap. Its owner frees it; freeing wipes. Any thread, one
 *            at a time.
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
    size_t limit;       /* most bytes it may hold */
    bool overflow;      /* an append went past the limit */
    bool out_of_memory; /* an append found no memory */
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

#endif
