#include "head.h"

#include "text.h"

#include <string.h>

const char *of_head_find(const of_buffer *head, const char *name, size_t *length) {
    const char *found = NULL;
    size_t name_length = strlen(name);
    const char *at = head->bytes;
    const char *end = at != NULL ? at + head->length : at;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        if ((size_t)(stop - at) > name_length && at[name_length] == ':' &&
            of_begins(at, name_length, name)) {
            const char *from = at + name_length + 1;
            const char *to = stop;
            while (from < to && (*from == ' ' || *from == '\t'))
                from++;
            while (to > from && (to[-1] == '\r' || to[-1] == ' ' || to[-1] == '\t'))
                to--;
            found = from;
            *length = (size_t)(to - from);
        }
        at = stop + 1;
    }
    return found;
}
