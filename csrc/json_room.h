/*
 * Is there memory for lua-cjson? It ends the process when malloc gives it none, and loses its copy
 * of the text when Lua's memory ends while it decodes. So both are tried for before it is called.
 *
 * What a text takes of Lua's memory follows from the rules by which Lua's tables grow; the scan
 * counts it. The names that recur in the text, those that Lua has already, and the growth of Lua's
 * table of strings are known only to Lua: a first bound takes the worst of them, and where that is
 * not to be had, the strings are made and what is left to be allocated is tried for exactly.
 */
#ifndef ONEFLOW_JSON_ROOM_H
#define ONEFLOW_JSON_ROOM_H

#include "compat.h"
#include "json_scan.h"

#include <stdbool.h>

/* Keeps in the registry what is called in protected mode. */
void of_json_room_open(lua_State *L);

/* For the string at `index`, which was scanned with that `cost`. Collects garbage when it must. */
bool of_json_room(lua_State *L, int index, const of_json_cost *cost);

#endif
