#include "lua_type.h"

#include <stdbool.h>
#include <string.h>

void of_type_open(lua_State *L, const char *name, lua_CFunction gc) {
    luaL_newmetatable(L, name);
    if (gc != NULL) {
        lua_pushcfunction(L, gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
}

void of_type_methods(lua_State *L, const luaL_Reg *methods, const char *const *upvalues) {
    int count = 0;
    lua_getfield(L, -1, "__index");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, "__index");
    }
    for (; upvalues[count] != NULL; count++)
        luaL_getmetatable(L, upvalues[count]);
    luaL_setfuncs(L, methods, count);
    lua_pop(L, 2);
}

void *of_type_new(lua_State *L, const char *name, size_t size) {
    void *value = memset(of_newuserdata(L, size), 0, size);
    luaL_getmetatable(L, name);
    lua_setmetatable(L, -2);
    return value;
}

void *of_type_test(lua_State *L, int index, const char *name) {
    void *value = lua_touserdata(L, index);
    if (value == NULL || !lua_getmetatable(L, index))
        return NULL;
    luaL_getmetatable(L, name);
    bool good = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return good ? value : NULL;
}

void *of_type_check(lua_State *L, int index, int upvalue, const char *name) {
    void *value = lua_touserdata(L, index);
    bool good = value != NULL && lua_getmetatable(L, index);
    if (good) {
        good = lua_rawequal(L, -1, lua_upvalueindex(upvalue));
        lua_pop(L, 1);
    }
    if (!good)
        luaL_argerror(L, index, name);
    return value;
}
