/*
 * The engine as Lua userdata. Lua values are made only when libcurl has returned; no state is kept.
 */
#ifndef ONEFLOW_LUA_ENGINE_H
#define ONEFLOW_LUA_ENGINE_H

#include "compat.h"
#include "engine.h"

extern const char OF_ENGINE_TYPE[];
enum { OF_ENGINE_UPVALUE = 1 }; /* the engine's type, of each of its methods */

/* Lua: engine{...} -> engine | nil, option, message. */
int of_lua_engine_new(lua_State *L);

/* In a method of the engine: the engine; raises when it is closed. */
of_engine *of_lua_engine(lua_State *L);

/* A time-out in seconds, as milliseconds: one at least. */
long of_lua_milliseconds(lua_Number seconds);

/* Registers the type with the state. */
void of_lua_engine_open(lua_State *L);

#endif
