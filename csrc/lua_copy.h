/*
 * Copies of decoded JSON. A table that is handed out is its holder's to change; what the library
 * reads later it reads from a table that no one else has.
 */
#ifndef ONEFLOW_LUA_COPY_H
#define ONEFLOW_LUA_COPY_H

#include "compat.h"

/* Lua: copy(value) -> the value, a table copied with all that is in it. For what of_json_decode
   made, and nothing else: there a table is a list or has string keys, and contains no cycle. */
int of_lua_copy(lua_State *L);

#endif
