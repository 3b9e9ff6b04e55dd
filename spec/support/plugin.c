/* A plugin that contains liboneflow.a. It creates a state for each run and closes it before it
   returns. */
#include "oneflow.h"

#include <lauxlib.h>
#include <lualib.h>

#include <string.h>

__attribute__((visibility("default"))) int plugin_run(const char *base_url, const char *token,
                                                      const char *script);

static size_t give_token(void *context, oneflow_token_reason reason, char *bytes, size_t size) {
    (void)reason, (void)size;
    memcpy(bytes, context, strlen(context));
    return strlen(context);
}

/* Runs SCRIPT with a client -> did it return true? */
int plugin_run(const char *base_url, const char *token, const char *script) {
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    oneflow_preload(L);
    int good = luaL_loadstring(L, script) == 0;
    lua_newtable(L);
    lua_pushstring(L, base_url);
    lua_setfield(L, -2, "base_url");
    good = good && oneflow_client(L, give_token, (void *)token) && lua_pcall(L, 1, 1, 0) == 0 &&
           lua_toboolean(L, -1);
    lua_close(L);
    return good;
}
