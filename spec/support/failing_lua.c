/*
 * A Lua module for specs: makes allocations of the Lua state fail, counted from a given moment on.
 *
 *   try(first, count, fn, ...) -> how many were counted, how many failed, results of pcall(fn, ...)
 *
 * While `fn` runs the allocations number `first` to `first + count - 1` fail; count -1: all from
 * `first` on. An allocation that the state repeats after a collection counts once.
 */
#include <lauxlib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static lua_Alloc allocate_before;
static void *context_before;
static lua_Integer first, last, counted, failed;
static size_t last_size;
static void *last_block;
static bool again;

static void *allocate(void *context, void *block, size_t old_size, size_t size) {
    bool grows = size > (block != NULL ? old_size : 0);
    if (first > 0 && grows) {
        bool asked_again = again && block == last_block && size == last_size;
        if (!asked_again)
            counted++;
        if (counted >= first && counted <= last) {
            failed += !asked_again;
            again = !asked_again;
            last_block = block;
            last_size = size;
            return NULL;
        }
        again = false;
    }
    return allocate_before(context, block, old_size, size);
}

static int try(lua_State *L) {
    lua_Integer from = luaL_checkinteger(L, 1);
    lua_Integer count = luaL_checkinteger(L, 2);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    last = count < 0 ? INT64_MAX : from + count - 1;
    counted = failed = 0;
    again = false;
    first = from;
    int status = lua_pcall(L, lua_gettop(L) - 3, LUA_MULTRET, 0);
    first = 0;
    lua_pushinteger(L, counted);
    lua_replace(L, 1);
    lua_pushinteger(L, failed);
    lua_replace(L, 2);
    lua_pushboolean(L, status == 0);
    lua_insert(L, 3);
    return lua_gettop(L);
}

int luaopen_failing_lua(lua_State *L);

int luaopen_failing_lua(lua_State *L) {
    allocate_before = lua_getallocf(L, &context_before);
    lua_setallocf(L, allocate, context_before);
    lua_newtable(L);
    lua_pushcfunction(L, try);
    lua_setfield(L, -2, "try");
    return 1;
}
