/*
 * Is a text JSON as RFC 8259 has it, and can it be kept exactly? And where in it do numbers stand?
 * No Lua, no recursion; keeps nothing; any thread.
 */
#ifndef ONEFLOW_JSON_SCAN_H
#define ONEFLOW_JSON_SCAN_H

#include "kind.h"
#include "memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OF_JSON_DEPTH = 128 };

/* Beyond it a double no longer tells neighbours apart. One bound for all runtimes. */
#define OF_JSON_EXACT 9007199254740992.0 /* 2^53 */
#define OF_JSON_EXACT_DIGITS "9007199254740992"

/* A longer text is refused: lua-cjson counts its bytes in an int. */
#define OF_JSON_LENGTH ((size_t)1 << 30)

/* A step of the way from number to number, in the order of the text. What holds no number is not
   entered; the outermost value is not entered either, one stands in it. A list takes one step for
   all its numbers, as a body can be nothing but numbers. */
typedef enum of_json_step_kind {
    OF_JSON_NUMBER,  /* a member of an object */
    OF_JSON_NUMBERS, /* items of a list, from the first to the last that is a number */
    OF_JSON_ENTER,
    OF_JSON_LEAVE
} of_json_step_kind;

typedef struct of_json_step {
    const char *key; /* in the text, behind its quote; NULL: in a list */
    uint32_t size;   /* the key's bytes, or the position in the list */
    uint32_t last;   /* of OF_JSON_NUMBERS */
    of_json_step_kind kind;
    bool escaped; /* the key is written with escapes */
} of_json_step;

/* The bytes that a good string stands for, written without its quotes -> how many: at most `size`.
 */
size_t of_json_unescape(const char *text, size_t size, char *out);

/* A text that was scanned and found good, with each number that has a '.' written without one, as
   the same number. False: there is none. */
bool of_json_without_points(const char *text, size_t length, of_buffer *out);

/* What decoding a text takes of Lua's memory. */
typedef struct of_json_cost {
    size_t bytes;   /* with each string counted for itself */
    size_t strings; /* how many */
    int slots;      /* of its stack, at the deepest */
} of_json_cost;

/* `text` ends with a NUL. OF_OK and the cost; OF_DECODE, OF_LIMIT or OF_MEMORY, and then `*why` and
   `*offset` say what stands where. `steps` gets of_json_step after of_json_step, or is NULL. */
of_kind of_json_scan(const char *text, size_t length, of_buffer *steps, of_json_cost *cost,
                     const char **why, size_t *offset);

/* A string of the text as it is written, without its quotes, and how many bytes it stands for.
   True: it is not to be counted. */
typedef bool of_json_string(void *context, const char *text, size_t size, size_t length);

/* The cost of a text that was scanned and found good, without the strings that `string` takes. It
   may raise. */
size_t of_json_measure(const char *text, size_t length, of_json_string *string, void *context);

#endif
