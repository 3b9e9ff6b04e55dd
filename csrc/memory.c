#include "memory.h"

#include <stdlib.h>
#include <string.h>

void of_wipe(void *bytes, size_t length) {
    if (bytes == NULL || length == 0)
        return;
#if defined(__GLIBC__) || defined(__FreeBSD__) || defined(__OpenBSD__)
    explicit_bzero(bytes, length);
#else
    volatile unsigned char *byte = bytes;
    while (length-- > 0)
        *byte++ = 0;
#endif
}

const char of_no_memory[] = "not enough memory"; /* Lua's own message */

bool of_grow_list(void **list, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity)
        return true;
    size_t wanted = *capacity > 0 ? *capacity * 2 : 16;
    if (wanted < need)
        wanted = need;
    void *larger = realloc(*list, wanted * size);
    if (larger == NULL)
        return false;
    memset((char *)larger + *capacity * size, 0, (wanted - *capacity) * size);
    *list = larger;
    *capacity = wanted;
    return true;
}

/* ---- buffers --------------------------------------------------------------------------------- */

void of_buffer_init(of_buffer *buffer, size_t limit) {
    memset(buffer, 0, sizeof *buffer);
    buffer->limit = limit;
}

/* Doubles the capacity up to a quarter of the limit, and then allocates all of it: pages that are
   never written cost nothing, while the blocks that further doubling frees would add up to twice
   the limit. */
static bool grow(of_buffer *buffer, size_t need) {
    size_t most = buffer->limit + 1; /* including the NUL */
    size_t capacity = buffer->capacity ? buffer->capacity : 512;
    while (capacity < need && capacity <= most / 8)
        capacity *= 2;
    if (capacity < need)
        capacity = most;
    char *bytes = malloc(capacity);
    if (bytes == NULL)
        return false;
    if (buffer->bytes != NULL) {
        memcpy(bytes, buffer->bytes, buffer->length);
        of_wipe(buffer->bytes, buffer->length);
        free(buffer->bytes);
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

bool of_buffer_append(of_buffer *buffer, const void *bytes, size_t length) {
    if (length > buffer->limit || buffer->length > buffer->limit - length) {
        buffer->overflow = true;
        return false;
    }
    size_t need = buffer->length + length + 1; /* limit < SIZE_MAX, so no overflow */
    if (need > buffer->capacity && !grow(buffer, need)) {
        buffer->out_of_memory = true;
        return false;
    }
    if (length > 0)
        memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
    return true;
}

bool of_buffer_puts(of_buffer *buffer, const char *text) {
    return of_buffer_append(buffer, text, strlen(text));
}

void of_buffer_cut(of_buffer *buffer, size_t length) {
    if (length >= buffer->length)
        return;
    of_wipe(buffer->bytes + length, buffer->length - length);
    buffer->length = length;
}

void of_buffer_clear(of_buffer *buffer) {
    of_buffer_cut(buffer, 0);
    buffer->overflow = buffer->out_of_memory = false;
}

void of_buffer_free(of_buffer *buffer) {
    of_wipe(buffer->bytes, buffer->length);
    free(buffer->bytes);
    of_buffer_init(buffer, buffer->limit);
}

const char *of_buffer_why(const of_buffer *buffer) {
    return buffer->out_of_memory ? of_no_memory : "is too long";
}

char *of_copy(const char *bytes, size_t length) {
    char *copy = malloc(length + 1);
    if (copy == NULL)
        return NULL;
    if (length > 0)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

void of_free_copy(char *bytes) {
    if (bytes != NULL)
        of_wipe(bytes, strlen(bytes));
    free(bytes);
}
