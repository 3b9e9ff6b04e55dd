#include "lua_copy.h"

#include "json_scan.h"

static void push_copy(lua_State *L, int index, int depth);

/* Replaces the value on the top of the stack by a copy. */
static void copy_top(lua_State *L, int depth) {
    if (lua_type(L, -1) != LUA_TTABLE)
        return;
    push_copy(L, lua_gettop(L), depth);
    lua_replace(L, -2);
}

static void push_copy(lua_State *L, int index, int depth) {
    if (depth > OF_JSON_DEPTH)
        luaL_error(L, "nested too deeply to be copied");
    of_checkstack(L, 6);
    size_t length = lua_rawlen(L, index);
    if (length > 0) {
        lua_createtable(L, (int)length, 0);
        for (size_t i = 1; i <= length; i++) {
            lua_rawgeti(L, index, (int)i);
            copy_top(L, depth + 1);
            lua_rawseti(L, -2, (int)i);
        }
    } else {
        int count = 0;
        for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
            count++;
        lua_createtable(L, 0, count);
        int copy = lua_gettop(L);
        for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            copy_top(L, depth + 1);
            lua_rawset(L, copy);
        }
    }
    if (lua_getmetatable(L, index))
        lua_setmetatable(L, -2);
}

int of_lua_copy(lua_State *L) {
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    copy_top(L, 1);
    return 1;
}
