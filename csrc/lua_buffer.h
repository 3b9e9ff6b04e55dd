/* A buffer as userdata, pushed on the stack: Lua frees it should anything raise before its user
 * does. */
#ifndef ONEFLOW_LUA_BUFFER_H
#define ONEFLOW_LUA_BUFFER_H

#include "compat.h"
#include "memory.h"

of_buffer *of_lua_buffer(lua_State *L, size_t limit);

/* Registers the type with the state. */
void of_lua_buffer_open(lua_State *L);

#endif
