/*
 * Memory that may hold a secret.
 *
 * of_wipe    clears bytes in a way that the compiler does not remove.
 * of_grow    makes room in a list.
 * of_buffer  a growing byte string with a limit. Its owner frees it, which wipes it. Any thread,
 *            one at a time.
 */
#ifndef ONEFLOW_MEMORY_H
#define ONEFLOW_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void of_wipe(void *bytes, size_t length);

/* Room for `need` items in the list, new ones all zeros; false: no memory. */
#define of_grow(list, capacity, need)                                                              \
    of_grow_list((void **)&(list), &(capacity), (need),                                            \
                 sizeof *(list)) /* a list of pointers, too: NOLINT(bugprone-sizeof-expression) */
bool of_grow_list(void **list, size_t *capacity, size_t need, size_t size);

typedef struct of_buffer {
    char *bytes; /* NUL-terminated whenever not NULL */
    size_t length;
    size_t capacity;
    size_t limit;       /* maximum length */
    bool overflow;      /* an append would have exceeded the limit */
    bool out_of_memory; /* an append failed for lack of memory */
} of_buffer;

void of_buffer_init(of_buffer *buffer, size_t limit);
bool of_buffer_append(of_buffer *buffer, const void *bytes, size_t length);
bool of_buffer_puts(of_buffer *buffer, const char *text);
void of_buffer_cut(of_buffer *buffer,
                   size_t length);       /* removes and wipes the bytes after `length` */
void of_buffer_clear(of_buffer *buffer); /* empties and wipes it, keeps the memory */
void of_buffer_free(of_buffer *buffer);

/* A NUL-terminated copy that is wiped when it is freed; NULL: no memory. */
char *of_copy(const char *bytes, size_t length);
void of_free_copy(char *bytes);

/* The message that functions return for lack of memory. Callers compare its address, so no other
   message is taken for it. */
extern const char of_no_memory[];

/* Why an append to this buffer failed. */
const char *of_buffer_why(const of_buffer *buffer);

#endif
