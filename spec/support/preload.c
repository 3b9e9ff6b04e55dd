/* The functions of oneflow.h as a Lua module for specs, linked with the static library. */
#include "oneflow.h"

#include <lauxlib.h>

#include <string.h>

int luaopen_preload(lua_State *L);

/* What the callback returns next, and the reason it was called with. Plain variables, as there is
   only one state. */
static char given[512];
static size_t given_length;
static char asked[256];

static size_t ask_token(void *context, oneflow_token_reason reason, char *bytes, size_t size) {
    strcat(asked, context != given ? "wrong context " : "");
    strcat(asked, reason == ONEFLOW_TOKEN_FIRST ? "first " : "refused ");
    memcpy(bytes, given, given_length < size ? given_length : size);
    return given_length;
}

static int preload(lua_State *L) {
    int top = lua_gettop(L);
    oneflow_preload(L);
    return lua_gettop(L) == top ? 0 : luaL_error(L, "the stack was left higher");
}

/* client(...): calls oneflow_client with the value on the top */
static int client(lua_State *L) {
    int top = lua_gettop(L);
    int made = oneflow_client(L, ask_token, given);
    if (lua_gettop(L) != top)
        return luaL_error(L, "the stack was left otherwise");
    lua_pushboolean(L, made);
    lua_insert(L, -2);
    return 2;
}

static int without_callback(lua_State *L) { return oneflow_client(L, NULL, NULL); }

static int give(lua_State *L) {
    const char *text = luaL_checklstring(L, 1, &given_length);
    memcpy(given, text, given_length < sizeof given ? given_length : sizeof given);
    return 0;
}

static int reasons(lua_State *L) {
    lua_pushstring(L, asked);
    asked[0] = '\0';
    return 1;
}

int luaopen_preload(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"preload", preload}, {"client", client},   {"without_callback", without_callback},
        {"give", give},       {"reasons", reasons}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
