/* An of_buffer in a userdata, pushed onto the stack, so that Lua frees it if an error is raised
   before its user does. */
#ifndef ONEFLOW_LUA_BUFFER_H
#define ONEFLOW_LUA_BUFFER_H

#include "compat.h"
#include "memory.h"

of_buffer *of_lua_buffer(lua_State *L, size_t limit);

/* Registers the type with the state. */
void of_lua_buffer_open(lua_State *L);

#endif
