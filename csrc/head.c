#include "head.h"

#include "text.h"

#include <string.h>

static bool blank(char c) { return c == ' ' || c == '\t'; }

/* The value of a header line with this name; NULL: the line has another name. */
static const char *value_of(const char *line, size_t length, const char *name, size_t name_length,
                            size_t *value_length) {
    if (length <= name_length || line[name_length] != ':' || !of_begins(line, name_length, name))
        return NULL;
    const char *from = line + name_length + 1;
    const char *to = line + length;
    while (from < to && blank(*from))
        from++;
    while (to > from && (to[-1] == '\r' || blank(to[-1])))
        to--;
    *value_length = (size_t)(to - from);
    return from;
}

const char *of_head_find(const of_buffer *head, const char *name, size_t *length) {
    const char *found = NULL;
    size_t name_length = strlen(name);
    size_t found_length = 0;
    const char *at = head->bytes;
    const char *end = at != NULL ? at + head->length : at;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        const char *value = value_of(at, (size_t)(stop - at), name, name_length, &found_length);
        at = stop + 1;
        if (value == NULL)
            continue;
        found = at < end && blank(*at) ? NULL : value;
        *length = found_length;
    }
    return found;
}

/* ---- line by line ---------------------------------------------------------------------------- */

static void see_length(of_head_seen *seen, const char *value, size_t length) {
    uint64_t declared = 0;
    bool good = length > 0 && length <= 18; /* fits into 63 bits */
    for (size_t i = 0; i < length && good; i++) {
        good = value[i] >= '0' && value[i] <= '9';
        declared = declared * 10 + (uint64_t)(value[i] - '0');
    }
    if (!good)
        seen->odd = "the answer's Content-Length is not a number";
    else if (seen->has_length && seen->length != declared)
        seen->odd = "the answer has two Content-Lengths";
    seen->has_length = true;
    seen->length = declared;
}

static void see_transfer_encoding(of_head_seen *seen, const char *value, size_t length) {
    if (seen->chunked || !of_is_word(value, length, "chunked"))
        seen->coded = "the answer has a Transfer-Encoding that was not requested";
    seen->chunked = true;
}

static void see_content_encoding(of_head_seen *seen, const char *value, size_t length) {
    if (length == 0 || of_is_word(value, length, "identity"))
        return;
    bool packed = of_is_word(value, length, "gzip") || of_is_word(value, length, "x-gzip");
    if (seen->gzip || !packed)
        seen->coded = "the answer has a Content-Encoding that was not requested";
    seen->gzip = true;
}

#define HEADER(text, function)                                                                     \
    { text, sizeof text - 1, function }

/* Headers that say how the body is encoded. */
static const struct {
    const char *name;
    size_t length;
    void (*see)(of_head_seen *seen, const char *value, size_t length);
} headers[] = {
    HEADER("content-length", see_length),
    HEADER("transfer-encoding", see_transfer_encoding),
    HEADER("content-encoding", see_content_encoding),
};

/* "HTTP/1.1 200 OK". libcurl takes anything it cannot read after "HTTP/" for a 200. */
static bool is_status(const char *line, size_t length) {
    bool good = length >= 12 && memcmp(line, "HTTP/1.", 7) == 0 &&
                (line[7] == '0' || line[7] == '1') && line[8] == ' ' &&
                (length == 12 || line[12] == ' ');
    for (int i = 9; i < 12 && good; i++)
        good = line[i] >= '0' && line[i] <= '9';
    return good;
}

static void see_header(of_head_seen *seen, const char *line, size_t length) {
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        size_t value_length = 0;
        const char *value =
            value_of(line, length, headers[i].name, headers[i].length, &value_length);
        if (value == NULL)
            continue;
        headers[i].see(seen, value, value_length);
        seen->in_framing = true;
    }
}

void of_head_see(of_head_seen *seen, const char *line, size_t length) {
    if (length > 0 && line[length - 1] == '\n')
        length--;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    char first = '\0';
    if (length > 0)
        first = of_lower(line[0]);
    bool begins = seen->lines++ == 0;
    if (begins && !is_status(line, length)) {
        seen->odd = "the answer does not begin as one of HTTP/1.x does";
    } else if (memchr(line, '\r', length) != NULL) {
        /* libcurl ends the header at any line that begins with a carriage return */
        seen->odd = "a header line of the answer holds a carriage return";
    } else if (begins) {
        seen->in_framing = true; /* there is no header yet that could be folded */
    } else if (blank(first)) {
        if (seen->in_framing)
            seen->odd = "a header line of the answer is folded where it must not be";
    } else {
        seen->in_framing = false;
        if (first == 'c' || first == 't')
            see_header(seen, line, length);
    }
}
