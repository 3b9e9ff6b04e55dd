/*
 * JSON between C and Lua. lua-cjson reads; around it stand a scan that refuses what RFC 8259
 * refuses and what no runtime would keep exactly, and a pass that turns integral floats back into
 * integers where Lua has them. So both dialects of lua-cjson give one result. Writing is done here:
 * lua-cjson would round large numbers and make an object of an empty list.
 *
 * Numbers are read and written in the locale "C", for the calling thread alone: neither the
 * process's locale nor another thread's setlocale changes what comes out. lua-cjson keeps its
 * decimal point in a static of its library, which each opening and each new() sets for the whole
 * process: where that is no '.', numbers are given to it without one. Nothing here changes the
 * static for a program that opened lua-cjson itself, before or after, and keeps to its rule to call
 * new() once the locale has changed.
 *
 * Called with the state of the call at hand, which is not kept.
 */
#ifndef ONEFLOW_JSON_H
#define ONEFLOW_JSON_H

#include "compat.h"

/* Lua: decode(text) -> value, "object" | "other" ({} and [] are the same table in Lua)
   | nil, kind, message */
int of_json_decode(lua_State *L);

/* Lua: encode(value) -> text | nil, problems; raises for what is no data (functions, userdata). */
int of_json_encode(lua_State *L);

/* Lua: array(table) -> table, marked as a list, so that an empty one is written as []. */
int of_json_array(lua_State *L);

/* For this state: loads lua-cjson, raises when it is missing; makes the mark of lists. */
void of_json_read_open(lua_State *L);
void of_json_write_open(lua_State *L);

#endif
