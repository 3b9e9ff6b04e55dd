/* The one Lua C API that the core uses: that of 5.4, provided here for 5.3 and LuaJIT 2.1 too. */
#ifndef ONEFLOW_COMPAT_H
#define ONEFLOW_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM >= 504
#define of_newuserdata(L, size) lua_newuserdatauv((L), (size), 1)
#define of_getuservalue(L, i) ((void)lua_getiuservalue((L), (i), 1))
#define of_setuservalue(L, i) ((void)lua_setiuservalue((L), (i), 1))
#elif LUA_VERSION_NUM == 503
#define of_newuserdata(L, size) lua_newuserdata((L), (size))
#define of_getuservalue(L, i) ((void)lua_getuservalue((L), (i)))
#define of_setuservalue(L, i) lua_setuservalue((L), (i))
#else /* LuaJIT: the user value is the environment, always a table */
#define of_newuserdata(L, size) lua_newuserdata((L), (size))
#define of_getuservalue(L, i) lua_getfenv((L), (i))
#define of_setuservalue(L, i) ((void)lua_setfenv((L), (i)))
#define lua_rawlen(L, i) lua_objlen((L), (i))
#endif

/* As luaL_checkstack, but raises Lua's own error for lack of memory, which is what makes it fail in
   practice. */
static inline void of_checkstack(lua_State *L, int slots) {
    if (!lua_checkstack(L, slots)) {
        lua_pushliteral(L, "not enough memory");
        (void)lua_error(L);
    }
}

/* Lua 5.1 has no integer subtype; there every number is a double. */
#define OF_HAS_INTEGERS (LUA_VERSION_NUM >= 503)

#endif
