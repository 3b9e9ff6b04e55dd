#define _GNU_SOURCE
#include "json.h"

#include "lua_buffer.h"
#include "url.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 128, NUMBER_MAX = 512, PROBLEMS_MAX = 20, BODY_MAX = 32 * 1024 * 1024 };

/* Beyond it a double no longer tells neighbours apart. One bound for all runtimes. */
static const double EXACT_MAX = 9007199254740992.0; /* 2^53 */
#define EXACT_MAX_DIGITS "9007199254740992"

/* Registry keys: their addresses are what counts. */
static const char decoder_key = 0;
static const char array_key = 0;

/* ---- scanning ----------------------------------------------------------------------------- */

typedef struct scanner {
    const char *text;
    const char *at;
    const char *end;
    const char *why;
} scanner;

static bool fail(scanner *s, const char *why) {
    if (s->why == NULL)
        s->why = why;
    return false;
}

static void skip_blank(scanner *s) {
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

static bool scan_escape(scanner *s) { /* behind the backslash */
    if (s->at == s->end)
        return fail(s, "a string that does not end");
    char c = *s->at++;
    if (c != 'u') {
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
    if (value < 0xd800 || value > 0xdbff)
        return true;
    if (s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u')
        return fail(s, "half of a surrogate pair");
    s->at += 2;
    if (!scan_hex4(s, &value))
        return false;
    return value >= 0xdc00 && value <= 0xdfff ? true : fail(s, "half of a surrogate pair");
}

/* Skips what needs no look, eight bytes at a time: no quote, backslash, control or non-ASCII byte.
 */
static void skip_plain(scanner *s) {
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    while (s->end - s->at >= 8) {
        uint64_t word;
        memcpy(&word, s->at, sizeof word);
        uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
        uint64_t special = (word - ones * 0x20) | (quote - ones) | (slash - ones) | word;
        if (special & high)
            return; /* a byte that is special, or one that a borrow made look so */
        s->at += 8;
    }
}

static bool scan_string(scanner *s) { /* at the opening quote */
    const char *start = ++s->at;
    bool wide = false;
    while (s->at < s->end) {
        skip_plain(s);
        if (s->at == s->end)
            break;
        unsigned char c = (unsigned char)*s->at;
        if (c == '"') {
            if (wide && !of_utf8(start, (size_t)(s->at - start)))
                return fail(s, "a string that is not UTF-8");
            s->at++;
            return true;
        }
        if (c < 0x20)
            return fail(s, "a bare control byte in a string");
        s->at++;
        if (c == '\\') {
            if (!scan_escape(s))
                return false;
        } else if (c >= 0x80) {
            wide = true;
        }
    }
    return fail(s, "a string that does not end");
}

/* Would it become infinite? The C library reads numbers with the locale's decimal point. */
static bool finite_number(const char *start, size_t length) {
    char copy[NUMBER_MAX + 1];
    memcpy(copy, start, length);
    copy[length] = '\0';
    char *point = strchr(copy, '.');
    if (point != NULL)
        *point = localeconv()->decimal_point[0];
    return isfinite(strtod(copy, NULL));
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
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        if (!digit(s))
            return fail(s, "an exponent without digits");
        while (digit(s))
            s->at++;
    }
    if (integer) {
        size_t most = sizeof EXACT_MAX_DIGITS - 1;
        if (width > most || (width == most && memcmp(digits, EXACT_MAX_DIGITS, most) > 0)) {
            s->at = start;
            return fail(s, "an integer beyond 2^53, which cannot be kept exactly");
        }
        return true;
    }
    size_t length = (size_t)(s->at - start);
    if (length > NUMBER_MAX)
        return fail(s, "a number of more than 512 bytes");
    return finite_number(start, length) ? true : fail(s, "a number too large for a double");
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
    if (!scan_string(s))
        return false;
    skip_blank(s);
    if (s->at == s->end || *s->at != ':')
        return fail(s, "a member without a ':'");
    s->at++;
    skip_blank(s);
    return true;
}

/* Without recursion: `open` holds the closing bracket of each level. */
static bool scan(scanner *s, bool *too_deep) {
    char open[DEPTH_MAX];
    int depth = 0;
    skip_blank(s);
    for (;;) {
        if (s->at == s->end)
            return fail(s, depth == 0 ? "no value" : "a value that does not end");
        char c = *s->at;
        if (c == '{' || c == '[') {
            if (depth == DEPTH_MAX) {
                *too_deep = true;
                return fail(s, "more than 128 levels");
            }
            open[depth++] = c == '{' ? '}' : ']';
            s->at++;
            skip_blank(s);
            if (s->at < s->end && *s->at == open[depth - 1]) {
                s->at++;
                depth--;
            } else {
                if (c == '{' && !scan_key(s))
                    return false;
                continue;
            }
        } else if (c == '"') {
            if (!scan_string(s))
                return false;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            if (!scan_number(s))
                return false;
        } else if (!scan_word(s, c == 't' ? "true" : c == 'f' ? "false" : "null")) {
            return false;
        }
        /* behind a value: close what it ends, or go on to the next */
        for (;;) {
            skip_blank(s);
            if (depth == 0)
                return s->at == s->end ? true : fail(s, "text after the value");
            if (s->at == s->end)
                return fail(s, "a value that does not end");
            if (*s->at == open[depth - 1]) {
                s->at++;
                depth--;
                continue;
            }
            if (*s->at != ',')
                return fail(s, "neither ',' nor the end after a value");
            s->at++;
            skip_blank(s);
            if (open[depth - 1] == '}' && !scan_key(s))
                return false;
            break;
        }
    }
}

of_kind of_json_scan(const char *text, size_t length, const char **why, size_t *offset) {
    scanner s = {text, text, text + length, NULL};
    bool too_deep = false;
    bool good = scan(&s, &too_deep);
    *why = s.why;
    *offset = (size_t)(s.at - text);
    return good ? OF_OK : too_deep ? OF_LIMIT : OF_DECODE;
}

/* ---- reading ------------------------------------------------------------------------------ */

#if OF_HAS_INTEGERS
/* Replaces the value on the top by an integer where it is an integral float; true if it did. */
static bool restore_number(lua_State *L) {
    if (lua_type(L, -1) != LUA_TNUMBER || lua_isinteger(L, -1))
        return false;
    lua_Number number = lua_tonumber(L, -1);
    if (!(number >= -EXACT_MAX && number <= EXACT_MAX))
        return false;
    lua_Integer integer = (lua_Integer)number;
    if ((lua_Number)integer != number)
        return false;
    lua_pop(L, 1);
    lua_pushinteger(L, integer);
    return true;
}

/* The table on the top; no deeper than the scan let it be. */
static void restore_integers(lua_State *L) {
    luaL_checkstack(L, 4, "JSON");
    int length = (int)lua_rawlen(L, -1);
    if (length > 0) { /* a list: from lua-cjson it has no other keys */
        for (int i = 1; i <= length; i++) {
            lua_rawgeti(L, -1, i);
            if (lua_type(L, -1) == LUA_TTABLE) {
                restore_integers(L);
            } else if (restore_number(L)) {
                lua_rawseti(L, -2, i);
                continue;
            }
            lua_pop(L, 1);
        }
        return;
    }
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        if (lua_type(L, -1) == LUA_TTABLE) {
            restore_integers(L);
        } else if (restore_number(L)) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, -4); /* to an existing key: lua_next goes on */
            continue;
        }
        lua_pop(L, 1);
    }
}
#endif

int of_json_decode(lua_State *L) {
    size_t length;
    luaL_checktype(L, 1, LUA_TSTRING);
    const char *text = lua_tolstring(L, 1, &length);
    const char *why;
    size_t offset;
    of_kind kind = of_json_scan(text, length, &why, &offset);
    if (kind != OF_OK) {
        lua_pushnil(L);
        lua_pushstring(L, of_kind_name(kind));
        lua_pushfstring(L, "%s at byte %d of %d", why, (int)offset + 1, (int)length);
        return 3;
    }
    lua_settop(L, 1);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&decoder_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, 1);
    int status = lua_pcall(L, 1, 1, 0);
    if (status != 0) {
        lua_pushnil(L);
        lua_pushstring(L, of_kind_name(status == LUA_ERRMEM ? OF_MEMORY : OF_DECODE));
        lua_pushvalue(L, -3);
        return 3;
    }
#if OF_HAS_INTEGERS
    if (lua_type(L, -1) == LUA_TTABLE) {
        restore_integers(L);
    } else {
        restore_number(L);
    }
#endif
    return 1;
}

/* ---- writing ------------------------------------------------------------------------------ */

typedef struct step {
    const char *key; /* NULL: an index */
    size_t key_length;
    lua_Integer index;
} step;

/* Nothing in the writer raises: what is wrong is noted, and told when the buffer is safe. */
typedef struct writer {
    lua_State *L;
    of_buffer *out;
    of_buffer *problems; /* path NUL message NUL, one after the other */
    int problem_count;
    char wrong_type[256]; /* for the raise: path and type of the first value that is no data */
    step path[DEPTH_MAX + 1];
    const void *tables[DEPTH_MAX + 1];
    int depth;
} writer;

static void put_path(const writer *w, of_buffer *out) {
    of_buffer_puts(out, "body");
    for (int i = 0; i < w->depth; i++) {
        const step *s = &w->path[i];
        char index[32];
        if (s->key == NULL) {
            snprintf(index, sizeof index, "[%lld]", (long long)s->index);
            of_buffer_puts(out, index);
        } else {
            of_buffer_puts(out, ".");
            of_buffer_append(out, s->key, s->key_length < 64 ? strnlen(s->key, s->key_length) : 64);
        }
    }
}

static void problem(writer *w, const char *message) {
    if (w->problem_count++ >= PROBLEMS_MAX)
        return;
    put_path(w, w->problems);
    of_buffer_append(w->problems, "", 1);
    of_buffer_puts(w->problems, message);
    of_buffer_append(w->problems, "", 1);
}

static void wrong_type(writer *w, const char *type) {
    if (w->wrong_type[0] != '\0')
        return;
    of_buffer path;
    of_buffer_init(&path, 200);
    put_path(w, &path);
    snprintf(w->wrong_type, sizeof w->wrong_type, "%s: %s",
             path.bytes != NULL ? path.bytes : "body", type);
    of_buffer_free(&path);
}

static void put_string(writer *w, const char *text, size_t length) {
    if (!of_utf8(text, length)) {
        problem(w, "is not UTF-8");
        return;
    }
    of_buffer_append(w->out, "\"", 1);
    size_t start = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        char escape[8];
        of_buffer_append(w->out, text + start, i - start);
        if (c == '"' || c == '\\') {
            snprintf(escape, sizeof escape, "\\%c", c);
        } else {
            snprintf(escape, sizeof escape, "\\u%04x", c);
        }
        of_buffer_puts(w->out, escape);
        start = i + 1;
    }
    of_buffer_append(w->out, text + start, length - start);
    of_buffer_append(w->out, "\"", 1);
}

static void put_number(writer *w, int index) {
    char text[64];
#if OF_HAS_INTEGERS
    if (lua_isinteger(w->L, index)) {
        snprintf(text, sizeof text, "%lld", (long long)lua_tointeger(w->L, index));
        of_buffer_puts(w->out, text);
        return;
    }
#endif
    double number = lua_tonumber(w->L, index);
    if (!isfinite(number)) {
        problem(w, "is not a finite number");
        return;
    }
    if (number == floor(number) && fabs(number) <= EXACT_MAX) {
        snprintf(text, sizeof text, "%.0f", number == 0 ? 0.0 : number); /* no "-0" */
    } else { /* the shortest that reads back as the same number */
        for (int precision = 15; precision <= 17; precision++) {
            snprintf(text, sizeof text, "%.*g", precision, number);
            if (strtod(text, NULL) == number)
                break;
        }
        char *point = strchr(text, localeconv()->decimal_point[0]);
        if (point != NULL)
            *point = '.';
    }
    of_buffer_puts(w->out, text);
}

static bool marked_array(lua_State *L, int index) {
    if (!lua_getmetatable(L, index))
        return false;
    lua_pushlightuserdata(L, (void *)(uintptr_t)&array_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return marked;
}

/* Is it a list, an object, or neither (then a problem was noted)? */
typedef enum shape { LIST, OBJECT, NEITHER } shape;

static shape shape_of(writer *w, int index) {
    lua_State *L = w->L;
    size_t length = lua_rawlen(L, index);
    size_t indices = 0;
    size_t names = 0;
    bool outside = false;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pop(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING) {
            names++;
        } else if (lua_type(L, -1) == LUA_TNUMBER) {
            lua_Number key = lua_tonumber(L, -1);
            indices++;
            if (key != floor(key) || key < 1 || key > (lua_Number)length)
                outside = true;
        } else {
            outside = true;
            indices++;
        }
    }
    bool marked = marked_array(L, index);
    if (indices > 0 && names > 0) {
        problem(w, "mixes a list and named fields");
    } else if (marked && names > 0) {
        problem(w, "is marked as a list and has named fields");
    } else if (outside || indices != (names > 0 ? 0 : length)) {
        problem(w, "is a list with holes or with keys that are no positions");
    } else {
        return marked || length > 0 ? LIST : OBJECT;
    }
    return NEITHER;
}

static void put_value(writer *w, int index);

static void put_table(writer *w, int index) {
    lua_State *L = w->L;
    const void *table = lua_topointer(L, index);
    for (int i = 0; i < w->depth; i++) {
        if (w->tables[i] == table) {
            problem(w, "contains itself");
            return;
        }
    }
    if (w->depth >= DEPTH_MAX || !lua_checkstack(L, 8)) {
        problem(w, "is nested more than 128 levels deep");
        return;
    }
    shape kind = shape_of(w, index);
    if (kind == NEITHER)
        return;
    step *s = &w->path[w->depth];
    w->tables[w->depth] = table;
    w->depth++;
    if (kind == LIST) {
        size_t length = lua_rawlen(L, index);
        s->key = NULL;
        of_buffer_append(w->out, "[", 1);
        for (size_t i = 1; i <= length; i++) {
            if (i > 1)
                of_buffer_append(w->out, ",", 1);
            s->index = (lua_Integer)i;
            lua_rawgeti(L, index, (int)i);
            put_value(w, lua_gettop(L));
            lua_pop(L, 1);
        }
        of_buffer_append(w->out, "]", 1);
    } else {
        bool first = true;
        of_buffer_append(w->out, "{", 1);
        lua_pushnil(L);
        while (lua_next(L, index) != 0) {
            s->key = lua_tolstring(L, -2, &s->key_length);
            if (!first)
                of_buffer_append(w->out, ",", 1);
            first = false;
            put_string(w, s->key, s->key_length);
            of_buffer_append(w->out, ":", 1);
            put_value(w, lua_gettop(L));
            lua_pop(L, 1);
        }
        of_buffer_append(w->out, "}", 1);
    }
    w->depth--;
}

static void put_value(writer *w, int index) {
    lua_State *L = w->L;
    int type = lua_type(L, index);
    switch (type) {
    case LUA_TSTRING: {
        size_t length;
        const char *text = lua_tolstring(L, index, &length);
        put_string(w, text, length);
        break;
    }
    case LUA_TNUMBER:
        put_number(w, index);
        break;
    case LUA_TBOOLEAN:
        of_buffer_puts(w->out, lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TTABLE:
        put_table(w, index);
        break;
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, index) == NULL) {
            of_buffer_puts(w->out, "null");
            break;
        }
        /* fall through */
    default:
        wrong_type(w, lua_typename(L, type));
    }
}

static void push_problem(lua_State *L, const char *path, const char *message) {
    lua_createtable(L, 0, 2);
    lua_pushstring(L, path);
    lua_setfield(L, -2, "path");
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
}

static void push_problems(lua_State *L, const of_buffer *problems) {
    lua_newtable(L);
    size_t at = 0;
    for (int i = 1; at < problems->length; i++) {
        const char *path = problems->bytes + at;
        const char *message = path + strlen(path) + 1;
        at = (size_t)(message + strlen(message) + 1 - problems->bytes);
        push_problem(L, path, message);
        lua_rawseti(L, -2, i);
    }
}

int of_json_encode(lua_State *L) {
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    writer *w = of_newuserdata(L, sizeof *w); /* too large for some coroutines' C stack */
    memset(w, 0, sizeof *w);
    w->L = L;
    w->out = of_lua_buffer(L, BODY_MAX);
    w->problems = of_lua_buffer(L, 64 * 1024);
    put_value(w, 1);
    if (w->wrong_type[0] != '\0')
        return luaL_error(L, "%s cannot be sent", w->wrong_type);
    if (w->out->starved || w->problems->starved)
        return luaL_error(L, "not enough memory");
    if (w->out->overflow) {
        w->depth = 0;
        problem(w, "is larger than 32 MiB");
    }
    if (w->problem_count > 0) {
        lua_pushnil(L);
        push_problems(L, w->problems);
        return 2;
    }
    lua_pushlstring(L, w->out->bytes, w->out->length);
    of_buffer_free(w->out);
    return 1;
}

int of_json_array(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&array_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_setmetatable(L, 1);
    return 1;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* set(decoder, value) on the private instance at `instance` */
static void configure(lua_State *L, int instance, const char *name, lua_Integer value,
                      bool boolean) {
    lua_getfield(L, instance, name);
    if (boolean) {
        lua_pushboolean(L, value != 0);
    } else {
        lua_pushinteger(L, value);
    }
    lua_call(L, 1, 0);
}

void of_json_open(lua_State *L) {
    int top = lua_gettop(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "cjson");
    if (lua_pcall(L, 1, 1, 0) != 0) {
        luaL_error(L,
                   "oneflow needs lua-cjson for this Lua: apt-get install lua-cjson, or luarocks "
                   "install lua-cjson\n%s",
                   lua_tostring(L, -1));
    }
    lua_getfield(L, -1,
                 "new"); /* a private instance: the module's table is shared by the whole state */
    lua_call(L, 0, 1);
    int instance = lua_gettop(L);
    configure(L, instance, "decode_max_depth", DEPTH_MAX, false);
    configure(L, instance, "decode_invalid_numbers", 0, true);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&decoder_key);
    lua_getfield(L, instance, "decode");
    lua_rawset(L, LUA_REGISTRYINDEX);

    lua_pushlightuserdata(L, (void *)(uintptr_t)&array_key);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "oneflow.array");
    lua_setfield(L, -2, "__metatable");
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_settop(L, top);
}
