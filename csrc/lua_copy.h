/*
 * Copies of decoded JSON. The caller may change a table that it is given, so the library reads
 * later from a copy of its own.
 */
#ifndef ONEFLOW_LUA_COPY_H
#define ONEFLOW_LUA_COPY_H

#include "compat.h"

/* Lua: copy(value) -> the value; a table is copied deeply. Only for values made by of_json_decode:
   there a table is a list or has string keys, and has no cycles. */
int of_lua_copy(lua_State *L);

#endif
