/*
 * JSON for Lua. lua-cjson does the reading. Before it, a scan refuses what RFC 8259 refuses, and
 * numbers that some runtime could not keep exactly; after it, a pass turns integral floats back
 * into integers where Lua has them, and marks empty lists, which would be written as objects. So
 * both dialects of lua-cjson give the same result. Writing is done here, because lua-cjson would
 * round large numbers and write an empty list as an object.
 *
 * Numbers are read and written in the locale "C", set for the calling thread only, so neither the
 * process's locale nor a setlocale in another thread changes the result. lua-cjson keeps its
 * decimal point in a static variable, which opening the library and each cjson.new() set for the
 * whole process. Where that is not '.', it gets numbers without a decimal point. Nothing here
 * changes that variable for a program that opens lua-cjson itself, before or after, and follows its
 * rule to call new() after a change of the locale.
 *
 * The functions use the lua_State of the call and do not keep it.
 */
#ifndef ONEFLOW_JSON_H
#define ONEFLOW_JSON_H

#include "compat.h"

/* Lua: decode(text) -> value, "object" | "other" | nil, kind, message. Empty lists are marked. */
int of_json_decode(lua_State *L);

/* Lua: encode(value) -> text | nil, problems; raises for values that are not data (functions,
   userdata). */
int of_json_encode(lua_State *L);

/* Lua: array(table) -> the table, marked as a list, so that it is written as [] when empty. */
int of_json_array(lua_State *L);

/* Pushes the mark of lists: their metatable. */
void of_json_push_mark(lua_State *L);

/* Loads lua-cjson for this state, and raises when it is missing; creates the mark of lists. */
void of_json_read_open(lua_State *L);
void of_json_write_open(lua_State *L);

#endif
