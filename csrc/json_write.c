#include "json.h"

#include "json_scan.h"
#include "lua_buffer.h"
#include "text.h"
#include "url.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEMS_MAX = 20, BODY_MAX = 32 * 1024 * 1024 };

/* A registry key: its address is what counts. */
static const char array_key = 0;

typedef struct step {
    const char *key; /* NULL: an index */
    size_t key_length;
    lua_Integer index;
} step;

/* The writer raises nothing. Problems are recorded and reported when the buffer cannot leak any
   more. */
typedef struct writer {
    lua_State *L;
    of_buffer *out;
    of_buffer *problems; /* path NUL message NUL, one after the other */
    int problem_count;
    char wrong_type[256]; /* for the error: path and type of the first value that is not data */
    step path[OF_JSON_DEPTH + 1];
    const void *tables[OF_JSON_DEPTH + 1];
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
    if (number == floor(number) && fabs(number) <= OF_JSON_EXACT) {
        snprintf(text, sizeof text, "%.0f", number == 0 ? 0.0 : number); /* no "-0" */
    } else { /* the shortest text that reads back as the same number */
        for (int precision = 15; precision <= 17; precision++) {
            snprintf(text, sizeof text, "%.*g", precision, number);
            if (of_read_number(text, NULL) == number)
                break;
        }
    }
    of_buffer_puts(w->out, text);
}

void of_json_push_mark(lua_State *L) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)&array_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

static bool marked_array(lua_State *L, int index) {
    if (!lua_getmetatable(L, index))
        return false;
    of_json_push_mark(L);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return marked;
}

/* Is the table a list, an object, or neither (then a problem is recorded)? */
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
        problem(w, "is a list with holes or with keys that are not positions");
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
    if (w->depth >= OF_JSON_DEPTH || !lua_checkstack(L, 8)) {
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
    writer *w = of_newuserdata(L, sizeof *w); /* too large for the C stack of some coroutines */
    memset(w, 0, sizeof *w);
    w->L = L;
    w->out = of_lua_buffer(L, BODY_MAX);
    w->problems = of_lua_buffer(L, 64 * 1024);
    of_locale former = of_locale_enter();
    put_value(w, 1);
    of_locale_leave(former);
    if (w->wrong_type[0] != '\0')
        return luaL_error(L, "%s cannot be sent", w->wrong_type);
    if (w->out->out_of_memory || w->problems->out_of_memory) {
        lua_pushnil(L);
        lua_createtable(L, 1, 0);
        push_problem(L, "body", of_no_memory);
        lua_rawseti(L, -2, 1);
        return 2;
    }
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
    of_json_push_mark(L);
    lua_setmetatable(L, 1);
    return 1;
}

void of_json_write_open(lua_State *L) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)&array_key);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "oneflow.array");
    lua_setfield(L, -2, "__metatable");
    lua_rawset(L, LUA_REGISTRYINDEX);
}
