/*
 * The Lua module "oneflow.core", the core's only exported symbol. Besides the engine and JSON it
 * has what the Lua files need C for: sealed objects, escaping, digests, clocks.
 */
#include "compat.h"
#include "credentials.h"
#include "curl_init.h"
#include "digest.h"
#include "json.h"
#include "lua_buffer.h"
#include "lua_copy.h"
#include "lua_engine.h"
#include "lua_file.h"
#include "lua_queue.h"
#include "lua_request.h"
#include "oneflow.h"
#include "system.h"
#include "text.h"
#include "token_source.h"
#include "url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* seal(state, metatable) -> object: userdata through which only open() with the same metatable sees
 * the state */
static int seal(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    (void)of_newuserdata(L, 1);
    lua_pushvalue(L, 1);
    of_setuservalue(L, -2);
    lua_pushvalue(L, 2);
    lua_setmetatable(L, -2);
    return 1;
}

/* open(object, metatable) -> state | nil */
static int open_sealed(lua_State *L) {
    luaL_checktype(L, 2, LUA_TTABLE);
    if (lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1)) {
        if (lua_rawequal(L, -1, 2)) {
            of_getuservalue(L, 1);
            return 1;
        }
    }
    lua_pushnil(L);
    return 1;
}

/* escape(text) -> percent-encoded text */
static int escape(lua_State *L) {
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    of_buffer *out = of_lua_buffer(L, 64 * 1024);
    if (!of_escape(out, text, length))
        return luaL_error(L, "too much to escape");
    lua_pushlstring(L, out->length > 0 ? out->bytes : "", out->length);
    of_buffer_free(out);
    return 1;
}

/* utf8(text) -> is it well-formed? */
static int utf8(lua_State *L) {
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    lua_pushboolean(L, of_utf8(text, length));
    return 1;
}

/* Pushes the text at 1 with each byte changed. */
static int map_bytes(lua_State *L, char (*change)(char)) {
    size_t length;
    luaL_checktype(L, 1, LUA_TSTRING); /* a number is not converted */
    const char *text = lua_tolstring(L, 1, &length);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (size_t i = 0; i < length; i++)
        luaL_addchar(&out, change(text[i]));
    luaL_pushresult(&out);
    return 1;
}

/* lower(text), upper(text): the letters of ASCII, in any locale */
static int lower(lua_State *L) { return map_bytes(L, of_lower); }

static int upper(lua_State *L) { return map_bytes(L, of_upper); }

/* number(value) -> number | nil. Accepts a number, or a text of digits with an optional '-' and an
   optional '.', in any locale. */
static int number(lua_State *L) {
    static const char digits[] = "0123456789";
    lua_settop(L, 1);
    if (lua_type(L, 1) != LUA_TSTRING) {
        if (lua_type(L, 1) != LUA_TNUMBER)
            lua_pushnil(L);
        return 1;
    }
    const char *text = lua_tostring(L, 1);
    const char *whole = text + (*text == '-');
    const char *at = whole + strspn(whole, digits);
    bool good = at > whole;
    if (*at == '.')
        at += 1 + strspn(at + 1, digits);
    if (!good || at != text + lua_rawlen(L, 1)) {
        lua_pushnil(L);
    } else {
        lua_pushnumber(L, (lua_Number)of_read_number(text, NULL));
    }
    return 1;
}

/* before(a, b) -> is a before b, byte by byte? As table.sort wants it */
static int before(lua_State *L) {
    size_t a_length, b_length;
    luaL_checktype(L, 1, LUA_TSTRING);
    luaL_checktype(L, 2, LUA_TSTRING);
    const char *a = lua_tolstring(L, 1, &a_length);
    const char *b = lua_tolstring(L, 2, &b_length);
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    lua_pushboolean(L, order < 0 || (order == 0 && a_length < b_length));
    return 1;
}

/* sha256(bytes) -> 64 lower-case hex digits */
static int sha256(lua_State *L) {
    size_t length;
    const char *bytes = luaL_checklstring(L, 1, &length);
    char hex[OF_SHA256_HEX + 1];
    if (!of_sha256(bytes, length, hex))
        return luaL_error(L, "SHA-256 is not available");
    lua_pushlstring(L, hex, OF_SHA256_HEX);
    return 1;
}

/* sha1(bytes) -> 40 lower-case hex digits */
static int sha1(lua_State *L) {
    size_t length;
    const char *bytes = luaL_checklstring(L, 1, &length);
    char hex[OF_SHA1_HEX + 1];
    if (!of_sha1(bytes, length, hex))
        return luaL_error(L, "SHA-1 is not available");
    lua_pushlstring(L, hex, OF_SHA1_HEX);
    return 1;
}

/* equal(a, b) -> are the bytes equal? The time does not depend on where they differ */
static int equal(lua_State *L) {
    size_t a_length, b_length;
    const char *a = luaL_checklstring(L, 1, &a_length);
    const char *b = luaL_checklstring(L, 2, &b_length);
    lua_pushboolean(L, of_equal(a, a_length, b, b_length));
    return 1;
}

/* Checks the string at 1 with a rule -> true | nil, message */
static int check_by(lua_State *L, const char *(*rule)(const char *, size_t)) {
    size_t length;
    luaL_checktype(L, 1, LUA_TSTRING);
    const char *text = lua_tolstring(L, 1, &length);
    const char *why = rule(text, length);
    if (why == NULL) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

static int check_user(lua_State *L) { return check_by(L, of_check_user); }

static int check_file_name(lua_State *L) { return check_by(L, of_check_file_name); }

static int check_header_name(lua_State *L) { return check_by(L, of_check_header_name); }

/* monotonic() -> seconds since a fixed but unspecified moment */
static int monotonic(lua_State *L) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    lua_pushnumber(L, (lua_Number)time.tv_sec + (lua_Number)time.tv_nsec / 1e9);
    return 1;
}

/* wall() -> seconds since 1970; jumps when the system's clock is set */
static int wall(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)time(NULL));
    return 1;
}

/* sleep(seconds): sleeps for at most that long; returns early, so that signals are seen */
static int sleep_slice(lua_State *L) {
    lua_Number milliseconds = luaL_checknumber(L, 1) * 1000;
    if (milliseconds > 0) /* rounded up, or callers would repeat it for the rest */
        of_sleep(milliseconds < OF_SLICE_MILLISECONDS ? (long)milliseconds + 1
                                                      : OF_SLICE_MILLISECONDS);
    return 0;
}

/* log(text, ...): writes a line to standard error in one piece, even where there is no io library.
   Allocates no memory; leaves out what is not a string. */
static int log_line(lua_State *L) {
    char line[4096];
    size_t used = 0;
    for (int i = 1; i <= lua_gettop(L); i++) {
        size_t length = 0;
        const char *text = lua_type(L, i) == LUA_TSTRING ? lua_tolstring(L, i, &length) : NULL;
        if (text == NULL)
            continue;
        if (length > sizeof line - 1 - used)
            length = sizeof line - 1 - used;
        memcpy(line + used, text, length);
        used += length;
    }
    line[used++] = '\n';
    (void)fwrite(line, 1, used, stderr);
    return 0;
}

/* process() -> a number that differs between a child made by fork() and its parent */
static int process(lua_State *L) {
    lua_pushnumber(L, (lua_Number)of_process());
    return 1;
}

/* is_token_source(value) -> is it the token source that oneflow_client made of a host's
   callback? */
static int is_token_source(lua_State *L) {
    lua_pushboolean(L, of_token_source_test(L, 1) != NULL);
    return 1;
}

/*
 * Lua stack slots that a call of the library needs, not counting the caller's own functions. (84
 * were measured, with hooks that raise.) A call does not begin without them: if the stack overflows
 * while the request is being sent, its result is lost. LuaJIT is not checked, because it crashes
 * when a stack cannot grow for lack of memory. A task's coroutine is created with these slots and
 * some for the task itself.
 */
enum { CALL_SLOTS = 120, TASK_SLOTS = CALL_SLOTS + 80 };

#if LUA_VERSION_NUM > 501
/* make_room(coroutine): reserves the slots for a function that makes a call, at once: a stack that
   grows bit by bit is reallocated each time. Raises Lua's error for lack of memory. */
static int make_room(lua_State *L) {
    lua_State *coroutine = lua_tothread(L, 1);
    luaL_argcheck(L, coroutine != NULL, 1, "thread expected");
    if (!lua_checkstack(coroutine, TASK_SLOTS)) {
        lua_pushliteral(L, "not enough memory");
        return lua_error(L);
    }
    return 0;
}
#endif

/* yieldable() -> the running coroutine, if it can yield here; raises without stack slots for a
   call */
static int yieldable(lua_State *L) {
#if LUA_VERSION_NUM > 501
    luaL_checkstack(L, CALL_SLOTS, "no room for a call of oneflow");
#endif
    if (!lua_isyieldable(L))
        return 0;
    lua_pushthread(L);
    return 1;
}

/* thread() -> the running thread, even if it is the main one */
static int thread(lua_State *L) {
    lua_pushthread(L);
    return 1;
}

/* calls(thread, function) -> is the function among the thread's innermost calls? A call's notes
   about itself are stale once it is not, because the call has left the stack, however it ended. If
   the stack is deeper than the search goes, the answer is true; the search is limited because
   finding each level starts from the top. */
static int calls(lua_State *L) {
    enum { LEVELS_MAX = 1000 };
    lua_State *other = lua_tothread(L, 1);
    luaL_argcheck(L, other != NULL, 1, "thread expected");
    luaL_checktype(L, 2, LUA_TFUNCTION);
    const void *function = lua_topointer(L, 2);
    lua_Debug call;
    bool found = false;
    int level = 0;
    if (lua_status(other) == 0 ||
        lua_status(other) == LUA_YIELD) { /* false after it has raised an error */
        while (!found && level < LEVELS_MAX && lua_getstack(other, level, &call) != 0) {
            if (!lua_checkstack(other, 1) || lua_getinfo(other, "f", &call) == 0)
                return luaL_error(L, "not enough memory");
            found = lua_topointer(other, -1) == function;
            lua_pop(other, 1);
            level++;
        }
    }
    lua_pushboolean(L, found || level == LEVELS_MAX);
    return 1;
}

int luaopen_oneflow_core(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"seal", seal},
        {"open", open_sealed},
        {"escape", escape},
        {"utf8", utf8},
        {"lower", lower},
        {"upper", upper},
        {"before", before},
        {"number", number},
        {"sha256", sha256},
        {"sha1", sha1},
        {"equal", equal},
        {"check_user", check_user},
        {"check_header_name", check_header_name},
        {"check_file_name", check_file_name},
        {"monotonic", monotonic},
        {"wall", wall},
        {"sleep", sleep_slice},
        {"process", process},
        {"log", log_line},
        {"is_token_source", is_token_source},
        {"yieldable", yieldable},
        {"thread", thread},
#if LUA_VERSION_NUM > 501
        {"make_room", make_room},
#endif
        {"calls", calls},
        {"copy", of_lua_copy},
        {"decode", of_json_decode},
        {"encode", of_json_encode},
        {"array", of_json_array},
        {"engine", of_lua_engine_new},
        {"form", of_lua_form_new},
        {"target", of_lua_target_new},
        {"queue", of_lua_queue_new},
        {"notify_socket", of_lua_notify_socket},
        {NULL, NULL},
    };
    if (!of_text_init())
        return luaL_error(L, "not enough memory");
    of_zeroing zeroing = of_curl_init();
    if (zeroing == OF_ZEROING_FAILED)
        return luaL_error(L, "libcurl could not be initialised");
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    of_lua_buffer_open(L);
    of_json_read_open(L);
    of_json_write_open(L);
    of_lua_engine_open(L);
    of_lua_queue_open(L);
    of_lua_request_open(L);
    of_lua_file_open(L);
    of_token_source_open(L);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    lua_createtable(L, 0, 3);
    lua_pushstring(L, curl->version);
    lua_setfield(L, -2, "curl");
    lua_pushstring(L, curl->ssl_version != NULL ? curl->ssl_version : "none");
    lua_setfield(L, -2, "tls");
    lua_pushstring(L, zeroing == OF_ZEROING_PROCESS ? "process" : "core");
    lua_setfield(L, -2, "zeroing");
    lua_setfield(L, -2, "info");
    return 1;
}
