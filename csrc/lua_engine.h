/*
 * The engine as Lua userdata. Lua values are created only after libcurl has returned; no lua_State
 * is kept.
 */
#ifndef ONEFLOW_LUA_ENGINE_H
#define ONEFLOW_LUA_ENGINE_H

#include "compat.h"
#include "engine.h"

extern const char OF_ENGINE_TYPE[];
enum {
    OF_ENGINE_UPVALUE = 1
}; /* index of the upvalue with the engine's type, in each of its methods */

/* Lua: engine{...} -> engine | nil, option, message. */
int of_lua_engine_new(lua_State *L);

/* The engine, for use in its methods; raises when it is closed. */
of_engine *of_lua_engine(lua_State *L);

/* Converts a time-out from seconds to milliseconds, at least 1. */
long of_lua_milliseconds(lua_Number seconds);

/* Registers the type with the state. */
void of_lua_engine_open(lua_State *L);

#endif
