/*
 * Checks that a text is JSON by RFC 8259 and can be kept exactly, and lists where its numbers and
 * its empty lists are.
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

/* Doubles above this value cannot represent every integer. One bound for all runtimes. */
#define OF_JSON_EXACT 9007199254740992.0 /* 2^53 */
#define OF_JSON_EXACT_DIGITS "9007199254740992"

/* Longer texts are refused: lua-cjson counts bytes in an int. */
#define OF_JSON_LENGTH ((size_t)1 << 30)

/* One step on the path from number to number and to empty lists, in the order of the text. Values
   that contain neither are not entered; neither is the outermost value, where the path begins. All
   numbers of a list make one step, because a body may consist of nothing but numbers. In a Lua
   without integers numbers make no steps. */
typedef enum of_json_step_kind {
    OF_JSON_EMPTY,   /* an empty list, but for the outermost value */
    OF_JSON_NUMBER,  /* a number that is a member of an object */
    OF_JSON_NUMBERS, /* the numbers among the items `size` to `last` of a list */
    OF_JSON_ENTER,
    OF_JSON_LEAVE
} of_json_step_kind;

typedef struct of_json_step {
    const char *key; /* in the text, after the opening quote; NULL: in a list */
    uint32_t size;   /* the key's bytes, or the position in the list */
    uint32_t last;   /* for OF_JSON_NUMBERS */
    of_json_step_kind kind;
    bool escaped; /* the key is written with escapes */
} of_json_step;

/* Unescapes a valid string, given without its quotes, into `out` -> the number of bytes, at most
   `size`. */
size_t of_json_unescape(const char *text, size_t size, char *out);

/* Writes a valid, scanned text to `out` in which each number that has a '.' is written without one,
   with the same value. False: no number has one. */
bool of_json_without_points(const char *text, size_t length, of_buffer *out);

/* What decoding a text needs from Lua. */
typedef struct of_json_cost {
    size_t bytes;   /* of memory, each string counted as often as it occurs */
    size_t strings; /* number of strings */
    int slots;      /* of the stack, at the deepest level */
} of_json_cost;

/* Scans `text`, which ends with a NUL. OF_OK: `*cost` is set. OF_DECODE, OF_LIMIT or OF_MEMORY:
   `*why` says why and `*offset` where. The of_json_steps are appended to `steps`, unless it is
   NULL. */
of_kind of_json_scan(const char *text, size_t length, of_buffer *steps, of_json_cost *cost,
                     const char **why, size_t *offset);

/* Called for each string of the text: the string as written, without its quotes, and its number of
   bytes once unescaped. True: do not count it. */
typedef bool of_json_string(void *context, const char *text, size_t size, size_t length);

/* The memory cost in bytes of a valid, scanned text, without the strings for which `string`
   returned true. `string` may raise. */
size_t of_json_measure(const char *text, size_t length, of_json_string *string, void *context);

#endif
