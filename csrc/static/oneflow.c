/*
 * What the static library offers in addition to the core, for programs that embed Lua. Not part of
 * the shared object.
 */
#include "../oneflow.h"

#include "../compat.h"
#include "../token_source.h"
#include "embedded.h"

#include <stdbool.h>
#include <string.h>

/* Runs the module whose index in the list is the upvalue, with the name as `require` passes it. */
static int load_module(lua_State *L) {
    const of_embedded *module = &of_embedded_modules[lua_tointeger(L, lua_upvalueindex(1))];
    if (luaL_loadbuffer(L, (const char *)module->text, module->length, module->source) != 0)
        return lua_error(L);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* A searcher of `require`, the last one: says of a module that is not in the static library where
   it is. */
static int explain_absent(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    for (int i = 0; of_embedded_absent[i] != NULL; i++) {
        if (strcmp(name, of_embedded_absent[i]) != 0)
            continue;
        lua_pushfstring(L,
                        "%s'%s' is not in oneflow's static library, which leaves out the sandbox "
                        "(oneflow.testing), the command line and the editors' annotations: install "
                        "the Lua files of oneflow (`make install`) where package.path finds them",
                        LUA_VERSION_NUM >= 504 ? "" : "\n\t", name);
        return 1;
    }
    return 0;
}

/* `package` is on the top. */
static void add_searcher(lua_State *L) {
    lua_getfield(L, -1, LUA_VERSION_NUM >= 502 ? "searchers" : "loaders");
    if (lua_istable(L, -1)) {
        const int last = (int)lua_rawlen(L, -1);
        lua_rawgeti(L, -1, last);
        const bool added = lua_tocfunction(L, -1) == explain_absent;
        lua_pop(L, 1);
        if (!added) {
            lua_pushcfunction(L, explain_absent);
            lua_rawseti(L, -2, last + 1);
        }
    }
    lua_pop(L, 1);
}

void oneflow_preload(lua_State *L) {
    luaL_checkstack(L, 4, "oneflow");
    lua_getglobal(L, "package");
    if (!lua_istable(L, -1))
        luaL_error(L, "oneflow_preload: the library `package` is not open");
    lua_getfield(L, -1, "preload");
    luaL_checktype(L, -1, LUA_TTABLE);
    lua_pushcfunction(L, luaopen_oneflow_core);
    lua_setfield(L, -2, "oneflow.core");
    for (int i = 0; of_embedded_modules[i].name != NULL; i++) {
        lua_pushinteger(L, i);
        lua_pushcclosure(L, load_module, 1);
        lua_setfield(L, -2, of_embedded_modules[i].name);
    }
    lua_pop(L, 1);
    add_searcher(L);
    lua_pop(L, 1);
}

int oneflow_client(lua_State *L, oneflow_token_callback *ask, void *context) {
    luaL_checkstack(L, 8, "oneflow");
    if (!lua_istable(L, -1) || ask == NULL)
        luaL_error(L, "oneflow_client: a table of options and a callback expected");
    int given = lua_gettop(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "oneflow");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "client");
    lua_newtable(L); /* a new table, so that the callback is not put into one of the host's */
    int options = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, given) != 0;) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, options);
    }
    lua_getfield(L, options, "token");
    if (!lua_isnil(L, -1))
        luaL_error(L,
                   "oneflow_client: the token comes from the callback, options.token is given too");
    lua_pop(L, 1);
    of_token_source_push(L, ask, context);
    lua_setfield(L, options, "token");
    lua_call(L, 1, 2);
    int made = !lua_isnil(L, -2);
    if (made)
        lua_pop(L, 1);
    lua_replace(L, given);
    lua_settop(L, given);
    return made;
}
