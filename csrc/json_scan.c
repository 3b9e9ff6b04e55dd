#include "json_scan.h"

#include "compat.h"
#include "text.h"
#include "url.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { NUMBER_MAX = 512, DIGITS_FINITE = 300 };

/* Sizes in bytes of what Lua allocates: a table; an array slot (the array doubles from FIRST on); a
   hash slot (the old hash is kept while the new one is filled); a string without its characters.
   For 64-bit machines, where all are largest. */
#if LUA_VERSION_NUM >= 504
enum { TABLE = 56, ITEM = 16, ITEMS_MORE = 0, MEMBER = 24, FIRST = 1, STRING = 25 };
#elif LUA_VERSION_NUM == 503
enum { TABLE = 56, ITEM = 16, ITEMS_MORE = 0, MEMBER = 32, FIRST = 1, STRING = 25 };
#else /* LuaJIT: an array also has a slot for 0 */
enum { TABLE = 64, ITEM = 8, ITEMS_MORE = 1, MEMBER = 24, FIRST = 2, STRING = 28 };
#endif

typedef struct scanner {
    const char *text;
    const char *at;
    const char *end;
    const char *why;
    const char *key; /* the last key, after its opening quote */
    size_t key_size;
    bool key_escaped;
    size_t saved; /* how many bytes shorter the last string is than as written */
    of_buffer *steps;
    size_t bytes;   /* in tables and strings */
    size_t strings; /* how many */
    size_t peak;    /* highest total while a table grew */
    int slots;
    of_json_string *string;
    void *context;
} scanner;

static bool fail(scanner *s, const char *why) {
    if (s->why == NULL)
        s->why = why;
    return false;
}

/* The NUL after the text is neither blank nor plain, so the common cases need no test for the
   end. */
static void skip_blank(scanner *s) {
    if ((unsigned char)*s->at > ' ')
        return;
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

static bool digit(const scanner *s) { return s->at < s->end && *s->at >= '0' && *s->at <= '9'; }

static bool scan_hex4(scanner *s, unsigned *value) {
    *value = 0;
    if (s->end - s->at < 4)
        return fail(s, "a \\u escape without four hex digits");
    for (int i = 0; i < 4; i++, s->at++) {
        char c = *s->at;
        unsigned nibble;
        if (c >= '0' && c <= '9') {
            nibble = (unsigned)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            nibble = (unsigned)((c | 0x20) - 'a' + 10);
        } else {
            return fail(s, "a \\u escape without four hex digits");
        }
        *value = *value * 16 + nibble;
    }
    return true;
}

static bool scan_escape(scanner *s) { /* after the backslash */
    if (s->at == s->end)
        return fail(s, "a string that does not end");
    char c = *s->at++;
    if (c != 'u') {
        s->saved++;
        if (c != '\0' && strchr("\"\\/bfnrt", c) != NULL)
            return true;
        s->at--;
        return fail(s, "an unknown escape");
    }
    unsigned value;
    if (!scan_hex4(s, &value))
        return false;
    if (value >= 0xdc00 && value <= 0xdfff)
        return fail(s, "half of a surrogate pair");
    s->saved += value < 0x80 ? 5 : value < 0x800 ? 4 : 3;
    if (value < 0xd800 || value > 0xdbff)
        return true;
    s->saved += 5; /* 12 bytes as written become 4 */
    if (s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u')
        return fail(s, "half of a surrogate pair");
    s->at += 2;
    if (!scan_hex4(s, &value))
        return false;
    return value >= 0xdc00 && value <= 0xdfff ? true : fail(s, "half of a surrogate pair");
}

/* Bytes of a string that need a check: the quote, the backslash, control bytes, and those of UTF-8
   sequences. */
#define EIGHT(x) x, x, x, x, x, x, x, x
#define SIXTEEN(x) EIGHT(x), EIGHT(x)
static const unsigned char special[256] = {
    SIXTEEN(1), SIXTEEN(1), 0,          0,          ['"'] = 1,  ['\\'] = 1, [0x80] = SIXTEEN(1),
    SIXTEEN(1), SIXTEEN(1), SIXTEEN(1), SIXTEEN(1), SIXTEEN(1), SIXTEEN(1), SIXTEEN(1),
};

/* The first byte from `at` on that needs a check; the NUL after the text is one. */
static const char *skip_plain(const char *at, const char *end) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i blank = _mm_set1_epi8(' ');
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
        hit = _mm_or_si128(hit, _mm_cmplt_epi8(bytes, blank)); /* bytes from 0x80 on are negative */
        int mask = _mm_movemask_epi8(hit);
        if (mask != 0)
            return at + __builtin_ctz((unsigned)mask);
        at += 16;
    }
#else
    (void)end;
#endif
    while (!special[(unsigned char)*at])
        at++;
    return at;
}

static bool scan_string(scanner *s) { /* at the opening quote */
    const char *start = s->at + 1;
    const char *at =
        start; /* a local variable: the compiler would store the scanner's for each byte */
    bool wide = false;
    s->key_escaped = false;
    s->saved = 0;
    for (;;) {
        at = skip_plain(at, s->end);
        unsigned char c = (unsigned char)*at;
        s->at = at;
        if (c == '"') {
            if (wide && !of_utf8(start, (size_t)(at - start)))
                return fail(s, "a string that is not UTF-8");
            s->at++;
            size_t size = (size_t)(at - start);
            if (s->string == NULL || !s->string(s->context, start, size, size - s->saved)) {
                s->bytes += size - s->saved;
                s->strings++;
            }
            return true;
        }
        if (at == s->end)
            return fail(s, "a string that does not end");
        if (c < 0x20)
            return fail(s, "a bare control byte in a string");
        at++;
        if (c == '\\') {
            s->key_escaped = true;
            s->at = at;
            if (!scan_escape(s))
                return false;
            at = s->at;
        } else {
            wide = true;
        }
    }
}

/* A number without an exponent has too few digits to become infinite; one with an exponent is
   converted to see. */
static bool finite_number(const char *start, size_t length, bool exponent) {
    if (!exponent && length < DIGITS_FINITE)
        return true;
    char copy[NUMBER_MAX + 1];
    memcpy(copy, start, length);
    copy[length] = '\0';
    return isfinite(of_read_number(copy, NULL));
}

static bool scan_number(scanner *s) {
    const char *start = s->at;
    if (*s->at == '-')
        s->at++;
    const char *digits = s->at;
    if (!digit(s))
        return fail(s, "an unknown value");
    if (*s->at == '0') {
        s->at++;
        if (digit(s))
            return fail(s, "a number that begins with 0");
    }
    while (digit(s))
        s->at++;
    size_t width = (size_t)(s->at - digits);
    bool integer = true;
    bool exponent = false;
    if (s->at < s->end && *s->at == '.') {
        integer = false;
        s->at++;
        if (!digit(s))
            return fail(s, "a number that ends with its point");
        while (digit(s))
            s->at++;
    }
    if (s->at < s->end && (*s->at | 0x20) == 'e') {
        integer = false;
        exponent = true;
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        if (!digit(s))
            return fail(s, "an exponent without digits");
        while (digit(s))
            s->at++;
    }
    if (integer) {
        size_t most = sizeof OF_JSON_EXACT_DIGITS - 1;
        if (width > most || (width == most && memcmp(digits, OF_JSON_EXACT_DIGITS, most) > 0)) {
            s->at = start;
            return fail(s, "an integer beyond 2^53, which cannot be kept exactly");
        }
        return true;
    }
    size_t length = (size_t)(s->at - start);
    if (length > NUMBER_MAX)
        return fail(s, "a number of more than 512 bytes");
    return finite_number(start, length, exponent) ? true
                                                  : fail(s, "a number too large for a double");
}

static bool scan_word(scanner *s, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0)
        return fail(s, "an unknown value");
    s->at += length;
    return true;
}

static bool scan_key(scanner *s) {
    if (s->at == s->end || *s->at != '"')
        return fail(s, "a member without a quoted name");
    s->key = s->at + 1;
    if (!scan_string(s))
        return false;
    s->key_size = (size_t)(s->at - s->key) - 1;
    skip_blank(s);
    if (s->at == s->end || *s->at != ':')
        return fail(s, "a member without a ':'");
    s->at++;
    skip_blank(s);
    return true;
}

/* An open object or list. */
typedef struct level {
    char close;
    uint32_t position; /* of the current item or member */
    uint32_t room;     /* allocated slots */
    uint32_t first;    /* first item that is a number, 0: none yet */
    uint32_t last;
    size_t entered; /* where its steps begin; if there are none, its OF_JSON_ENTER is removed */
} level;

static size_t held(const scanner *s) { return s->bytes + STRING * s->strings; }

/* Adds a slot; when all are used, doubles them, as Lua does. */
static void grow(scanner *s, level *table) {
    size_t old = table->room;
    size_t room = old > 0 ? 2 * old : FIRST;
    table->room = (uint32_t)room;
    if (table->close == ']') {
        s->bytes += ITEM * (old > 0 ? room - old : room + ITEMS_MORE);
        return;
    }
    if (s->peak < held(s) + MEMBER * room)
        s->peak = held(s) + MEMBER * room;
    s->bytes += MEMBER * (room - old);
}

static void add_step(scanner *s, of_json_step_kind kind, const level *parent) {
    if (s->steps == NULL || parent == NULL)
        return;
    of_json_step step = {.kind = kind};
    if (kind != OF_JSON_LEAVE && parent->close == '}') {
        step.key = s->key;
        step.size = (uint32_t)s->key_size;
        step.escaped = s->key_escaped;
    } else {
        step.size = parent->position;
    }
    of_buffer_append(s->steps, &step, sizeof step);
}

static void add_number(scanner *s, level *parent) {
    if (!OF_HAS_INTEGERS)
        return;
    if (parent == NULL || parent->close == '}') {
        add_step(s, OF_JSON_NUMBER, parent);
    } else {
        if (parent->first == 0)
            parent->first = parent->position;
        parent->last = parent->position;
    }
}

/* Adds the last steps of levels[depth]. */
static void leave(scanner *s, const level *levels, int depth) {
    if (s->steps == NULL)
        return;
    if (levels[depth].first != 0) {
        of_json_step numbers = {
            .kind = OF_JSON_NUMBERS, .size = levels[depth].first, .last = levels[depth].last};
        of_buffer_append(s->steps, &numbers, sizeof numbers);
    }
    if (depth == 0)
        return;
    size_t inside = levels[depth].entered + sizeof(of_json_step);
    if (s->steps->length == inside) {
        s->steps->length = levels[depth].entered;
        if (levels[depth].close == ']' && levels[depth].position == 0)
            add_step(s, OF_JSON_EMPTY, &levels[depth - 1]);
    } else {
        add_step(s, OF_JSON_LEAVE, &levels[depth - 1]);
    }
}

/* Without recursion: one `level` for each open bracket. */
static bool scan(scanner *s, bool *too_deep) {
    level levels[OF_JSON_DEPTH];
    int slots[OF_JSON_DEPTH + 1] = {
        0}; /* for each level a table, and the key that waits for a value */
    int depth = 0;
    skip_blank(s);
    for (;;) {
        if (s->at == s->end)
            return fail(s, depth == 0 ? "no value" : "a value that does not end");
        level *parent = depth > 0 ? &levels[depth - 1] : NULL;
        char c = *s->at;
        if (c == '{' || c == '[') {
            if (depth == OF_JSON_DEPTH) {
                *too_deep = true;
                return fail(s, "more than 128 levels");
            }
            levels[depth].close = c == '{' ? '}' : ']';
            levels[depth].position = 1;
            levels[depth].room = 0;
            levels[depth].first = 0;
            levels[depth].entered = s->steps != NULL ? s->steps->length : 0;
            add_step(s, OF_JSON_ENTER, parent);
            depth++;
            s->bytes += TABLE;
            slots[depth] = slots[depth - 1] + (c == '{' ? 2 : 1);
            if (slots[depth] > s->slots)
                s->slots = slots[depth];
            s->at++;
            skip_blank(s);
            if (s->at == s->end || *s->at != levels[depth - 1].close) {
                if (c == '{' && !scan_key(s))
                    return false;
                continue;
            }
            levels[depth - 1].position = 0; /* it is empty */
        } else if (c == '"') {
            if (!scan_string(s))
                return false;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            if (!scan_number(s))
                return false;
            add_number(s, parent);
        } else if (!scan_word(s, c == 't' ? "true" : c == 'f' ? "false" : "null")) {
            return false;
        }
        /* after a value: close the levels that end here, or go on to the next value */
        for (;;) {
            skip_blank(s);
            if (depth == 0)
                return s->at == s->end ? true : fail(s, "text after the value");
            level *around = &levels[depth - 1];
            if (around->position > around->room)
                grow(s, around);
            if (s->at == s->end)
                return fail(s, "a value that does not end");
            if (*s->at == around->close) {
                s->at++;
                leave(s, levels, --depth);
                continue;
            }
            if (*s->at != ',')
                return fail(s, "neither ',' nor the end after a value");
            s->at++;
            skip_blank(s);
            around->position++;
            if (around->close == '}' && !scan_key(s))
                return false;
            break;
        }
    }
}

static size_t cost_of(const scanner *s) { return held(s) > s->peak ? held(s) : s->peak; }

of_kind of_json_scan(const char *text, size_t length, of_buffer *steps, of_json_cost *cost,
                     const char **why, size_t *offset) {
    scanner s = {.text = text, .at = text, .end = text + length, .steps = steps};
    bool too_deep = false;
    if (length >= OF_JSON_LENGTH) {
        *why = "more than 1 GiB";
        return OF_LIMIT;
    }
    bool good = scan(&s, &too_deep);
    if (good && steps != NULL && (steps->overflow || steps->out_of_memory)) {
        *why = "out of memory";
        return OF_MEMORY;
    }
    *why = s.why;
    *offset = (size_t)(s.at - text);
    *cost = (of_json_cost){.bytes = cost_of(&s), .strings = s.strings, .slots = s.slots};
    return good ? OF_OK : too_deep ? OF_LIMIT : OF_DECODE;
}

size_t of_json_measure(const char *text, size_t length, of_json_string *string, void *context) {
    scanner s = {
        .text = text, .at = text, .end = text + length, .string = string, .context = context};
    bool too_deep = false;
    (void)scan(&s, &too_deep);
    return cost_of(&s);
}

/* ---- escapes --------------------------------------------------------------------------------- */

static unsigned hex4(const char *digits) {
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)digits[i];
        value = value * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static size_t put_utf8(char *out, unsigned code) {
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size; i > 1; i--, code >>= 6)
        out[i - 1] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(lead[size == 1 ? 0 : size] | code);
    return size;
}

size_t of_json_unescape(const char *text, size_t size, char *out) {
    static const char plain[] = "bfnrt";
    static const char meant[] = "\b\f\n\r\t";
    const char *end = text + size;
    size_t length = 0;
    while (text < end) {
        if (*text != '\\') {
            out[length++] = *text++;
        } else if (text[1] == 'u') {
            unsigned code = hex4(text + 2);
            text += 6;
            if (code >= 0xd800 && code <= 0xdbff) {
                code = 0x10000 + ((code - 0xd800) << 10) + (hex4(text + 2) - 0xdc00);
                text += 6;
            }
            length += put_utf8(out + length, code);
        } else {
            const char *letter = strchr(plain, text[1]);
            if (letter != NULL)
                out[length++] = meant[letter - plain];
            else
                out[length++] = text[1];
            text += 2;
        }
    }
    return length;
}

/* ---- numbers without a point ----------------------------------------------------------------- */

enum { EXPONENT_MAX = 100000 }; /* larger ones give 0 or were refused, whatever the digits are */

/* Writes 0.25 as 25e-2, exactly the same number; moves `*at` past the number. */
static void put_without_point(of_buffer *out, const char **at) {
    const char *next = *at;
    if (*next == '-')
        of_buffer_append(out, next++, 1);
    size_t digits = 0;
    long exponent = 0;
    bool fraction = false;
    for (;; next++) {
        if (*next == '.') {
            fraction = true;
        } else if (*next >= '0' && *next <= '9') {
            exponent -= fraction;
            if (digits == 0 && *next == '0')
                continue; /* skip leading zeros: only 0 itself may begin with 0 */
            of_buffer_append(out, next, 1);
            digits++;
        } else {
            break;
        }
    }
    if (digits == 0)
        of_buffer_append(out, "0", 1);
    if (*next == 'e' || *next == 'E') {
        next++;
        bool negative = *next == '-';
        next += *next == '-' || *next == '+';
        long said = 0;
        for (; *next >= '0' && *next <= '9'; next++)
            said = said < EXPONENT_MAX ? said * 10 + (*next - '0') : said;
        exponent += negative ? -said : said;
    }
    char text[32];
    snprintf(text, sizeof text, "e%ld", exponent);
    of_buffer_puts(out, text);
    *at = next;
}

bool of_json_without_points(const char *text, size_t length, of_buffer *out) {
    const char *end = text + length;
    const char *kept = text; /* the text up to here has been written */
    const char *at = text;
    bool found = false;
    while (at < end) {
        if (*at == '"') {
            for (at++; *at != '"'; at++)
                at += *at == '\\';
            at++;
        } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
            const char *digits = at + (*at == '-');
            if (digits[strspn(digits, "0123456789")] == '.') {
                of_buffer_append(out, kept, (size_t)(at - kept));
                put_without_point(out, &at);
                kept = at;
                found = true;
            } else {
                at = digits + strspn(digits, "0123456789.eE+-");
            }
        } else {
            at++;
        }
    }
    of_buffer_append(out, kept, (size_t)(end - kept));
    return found;
}
