/*
 * The engine and its tickets as Lua userdata. Lua values are made only when libcurl has returned;
 * no state is kept. A ticket is what Lua holds of a transfer: dropping it cancels the transfer.
 */
#ifndef ONEFLOW_LUA_ENGINE_H
#define ONEFLOW_LUA_ENGINE_H

#include "compat.h"

/* Lua: engine{...} -> engine | nil, option, message. */
int of_lua_engine_new(lua_State *L);

/* Registers the two types with the state. */
void of_lua_engine_open(lua_State *L);

#endif
