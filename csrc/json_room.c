#include "json_room.h"

#include <stdint.h>
#include <stdlib.h>

enum {
    AROUND = 256,       /* Lua memory for a call and a few stack slots */
    BUFFER_AROUND = 64, /* C memory for lua-cjson's record of its buffer */
    ESCAPED_MAX = 256,  /* longer strings with escapes are counted, not created */
};

/* Maximum length of strings that Lua interns. LuaJIT interns all. */
#if LUA_VERSION_NUM >= 503
enum { ONCE_MAX = 40 };
#else
#define ONCE_MAX SIZE_MAX
#endif

/* Registry keys: their addresses are what counts. */
static const char collect_key = 0;
static const char measure_key = 0;
static const char weak_key = 0;

static void push(lua_State *L, const char *key) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

/* Are both blocks available at the same time? */
static bool available(lua_State *L, size_t bytes, size_t buffer_bytes) {
    void *context;
    lua_Alloc allocate = lua_getallocf(L, &context);
    void *volatile buffer =
        malloc(buffer_bytes); /* volatile: the compiler must not remove the trial */
    void *block = buffer != NULL ? allocate(context, NULL, 0, bytes) : NULL;
    if (block != NULL)
        (void)allocate(context, block, bytes, 0);
    free(buffer);
    return block != NULL;
}

/* Bytes that Lua has allocated; 0 where it does not say (in a finalizer). */
static size_t held(lua_State *L) {
    int kilobytes = lua_gc(L, LUA_GCCOUNT, 0);
    int bytes = lua_gc(L, LUA_GCCOUNTB, 0);
    return kilobytes < 0 ? 0 : (size_t)kilobytes * 1024 + (size_t)bytes;
}

/* An upper bound for the growth of Lua's string table by `more` strings. The table has a pointer
   for each string and doubles; in LuaJIT the old table is kept while it does. A string that is
   referenced takes at least 40 bytes including its pointer, 32 in LuaJIT. */
static size_t table_growth(lua_State *L, size_t more) {
#if LUA_VERSION_NUM >= 503
    return held(L) / 5 + 16 * more;
#else
    return held(L) / 2 + 24 * more;
#endif
}

static bool make(void *context, const char *text, size_t size, size_t length) {
    lua_State *L = context;
    if (length > ONCE_MAX || (length != size && size > ESCAPED_MAX))
        return false;
    if (length == size) {
        lua_pushlstring(L, text, size);
    } else {
        char bytes[ESCAPED_MAX];
        lua_pushlstring(L, bytes, of_json_unescape(text, size, bytes));
    }
    lua_pop(L, 1);
    return true;
}

/* measure(text) -> memory in bytes that decoding needs once all its strings exist; nil: they
   cannot all exist at once. Nothing references the new strings, so Lua must not collect before
   it raises. */
static int measure(lua_State *L) {
    size_t length;
    const char *text = lua_tolstring(L, 1, &length);
    push(L, &weak_key);
    lua_newtable(L);
    lua_rawseti(L, 2, 1);
    lua_pushnumber(L, (lua_Number)of_json_measure(text, length, make, L));
    lua_rawgeti(L, 2, 1);
    if (lua_isnil(L, -1))
        return 1;
    lua_pop(L, 1);
    return 1;
}

static bool fits(lua_State *L, int index, size_t buffer_bytes) {
    int running = lua_gc(L, LUA_GCISRUNNING, 0);
    (void)lua_gc(L, LUA_GCSTOP, 0);
    push(L, &measure_key);
    lua_pushvalue(L, index);
    bool good = lua_pcall(L, 1, 1, 0) == 0 && lua_type(L, -1) == LUA_TNUMBER &&
                available(L, (size_t)lua_tonumber(L, -1) + AROUND, buffer_bytes);
    lua_pop(L, 1);
    if (running != 0)
        (void)lua_gc(L, LUA_GCRESTART, 0);
    return good;
}

static int collect(lua_State *L) {
    (void)lua_gc(L, LUA_GCCOLLECT, 0);
    return 0;
}

bool of_json_room(lua_State *L, int index, const of_json_cost *cost) {
    size_t buffer_bytes = lua_rawlen(L, index) + BUFFER_AROUND;
    if (!lua_checkstack(L, cost->slots + LUA_MINSTACK + 8))
        return false;
    if (available(L, cost->bytes + table_growth(L, cost->strings) + AROUND, buffer_bytes) ||
        fits(L, index, buffer_bytes)) {
        return true;
    }
    push(L, &collect_key); /* in protected mode, because a finalizer may raise */
    if (lua_pcall(L, 0, 0, 0) != 0)
        lua_pop(L, 1);
    return fits(L, index, buffer_bytes);
}

void of_json_room_open(lua_State *L) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)&weak_key);
    lua_createtable(L, 1, 0);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    static const struct {
        const char *key;
        lua_CFunction function;
    } kept[] = {{&collect_key, collect}, {&measure_key, measure}};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        lua_pushlightuserdata(L, (void *)(uintptr_t)kept[i].key);
        lua_pushcfunction(L, kept[i].function);
        lua_rawset(L, LUA_REGISTRYINDEX);
    }
}
