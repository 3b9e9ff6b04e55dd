#include "head.h"

#include "text.h"

#include <string.h>

static bool blank(char c) { return c == ' ' || c == '\t'; }

/* One header line, and whether it goes on in the next one. */
typedef struct head_line {
    const char *bytes;
    size_t length;
    bool folded;
} head_line;

static bool next_line(const char **at, const char *end, head_line *line) {
    const char *from = *at;
    if (from >= end)
        return false;
    const char *stop = memchr(from, '\n', (size_t)(end - from));
    if (stop == NULL)
        stop = end;
    *at = stop + 1;
    while (stop > from && (stop[-1] == '\r' || blank(stop[-1])))
        stop--;
    *line = (head_line){from, (size_t)(stop - from), *at < end && blank(**at)};
    return true;
}

/* The value of the line when it is of that header; NULL: it is another one's. */
static const char *value_of(const head_line *line, const char *name, size_t *length) {
    size_t from = strlen(name);
    if (line->length <= from || line->bytes[from] != ':' || !of_begins(line->bytes, from, name))
        return NULL;
    from++;
    while (from < line->length && blank(line->bytes[from]))
        from++;
    *length = line->length - from;
    return line->bytes + from;
}

const char *of_head_find(const of_buffer *head, const char *name, size_t *length) {
    const char *found = NULL;
    const char *at = head->bytes;
    const char *end = at != NULL ? at + head->length : at;
    head_line line;
    size_t found_length = 0;
    while (next_line(&at, end, &line)) {
        const char *value = value_of(&line, name, &found_length);
        if (value == NULL)
            continue;
        found = line.folded ? NULL : value;
        *length = found_length;
    }
    return found;
}

static bool is_length(const char *value, size_t length) {
    bool digits = length > 0 && length <= 18; /* what fits into 64 bits */
    for (size_t i = 0; i < length && digits; i++)
        digits = value[i] >= '0' && value[i] <= '9';
    return digits;
}

/* "HTTP/1.1 200 OK". libcurl takes what it cannot read after "HTTP/" for a 200. */
static bool is_status(const head_line *line) {
    const char *at = line->bytes;
    bool good = line->length >= 12 && memcmp(at, "HTTP/1.", 7) == 0 &&
                (at[7] == '0' || at[7] == '1') && at[8] == ' ' &&
                (line->length == 12 || at[12] == ' ');
    for (int i = 9; i < 12 && good; i++)
        good = at[i] >= '0' && at[i] <= '9';
    return good;
}

/* libcurl ends the header lines at any line that begins with one. */
static bool holds_return(const head_line *line) {
    return memchr(line->bytes, '\r', line->length) != NULL;
}

const char *of_head_check(const of_buffer *head) {
    const char *at = head->bytes;
    const char *end = at + head->length;
    const char *told = NULL;
    size_t told_length = 0;
    head_line line;
    if (!next_line(&at, end, &line) || !is_status(&line))
        return "the answer does not begin as one of HTTP/1.x does";
    if (line.folded)
        return "the answer's first header line is the continuation of none";
    while (next_line(&at, end, &line)) {
        if (holds_return(&line))
            return "a header line of the answer holds a carriage return";
        size_t length = 0;
        const char *value = value_of(&line, "content-length", &length);
        if (value == NULL)
            continue;
        if (line.folded || !is_length(value, length))
            return "the answer's Content-Length is no number";
        if (told != NULL && (length != told_length || memcmp(value, told, length) != 0))
            return "the answer has two Content-Lengths";
        told = value;
        told_length = length;
    }
    return NULL;
}

/* One of the codings of a line; an empty value is none. */
static bool is_coding(const char *value, size_t length, const char *const *words) {
    bool found = length == 0;
    for (; *words != NULL && !found; words++)
        found = of_is_word(value, length, *words);
    return found;
}

const char *of_head_coding(const of_buffer *head, bool *gzip) {
    static const char *const none[] = {"identity", NULL};
    static const char *const packed[] = {"gzip", "x-gzip", NULL};
    const char *at = head->bytes;
    const char *end = at + head->length;
    bool chunked = false;
    head_line line;
    *gzip = false;
    while (next_line(&at, end, &line)) {
        size_t length = 0;
        const char *value = value_of(&line, "transfer-encoding", &length);
        if (value != NULL) {
            if (line.folded || chunked || !of_is_word(value, length, "chunked"))
                return "the answer has a Transfer-Encoding that was not asked for";
            chunked = true;
        }
        value = value_of(&line, "content-encoding", &length);
        if (value != NULL && (line.folded || !is_coding(value, length, none))) {
            if (line.folded || *gzip || !is_coding(value, length, packed))
                return "the answer has a Content-Encoding that was not asked for";
            *gzip = true;
        }
    }
    return NULL;
}
