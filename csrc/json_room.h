/*
 * Checks that there is enough memory for lua-cjson, which ends the process when malloc fails, and
 * leaks its copy of the text when Lua runs out of memory while it decodes. So both allocations are
 * tried before it is called.
 *
 * How much memory of Lua a text needs follows from the rules by which Lua's tables grow; the scan
 * computes it. Only Lua can tell which strings occur more than once or exist already, and how much
 * its string table will grow. So the first bound assumes the worst case. If that much is not
 * available, the strings are created, and the exact rest is tried.
 */
#ifndef ONEFLOW_JSON_ROOM_H
#define ONEFLOW_JSON_ROOM_H

#include "compat.h"
#include "json_scan.h"

#include <stdbool.h>

/* Stores the functions that are called in protected mode in the registry. */
void of_json_room_open(lua_State *L);

/* Is there memory to decode the string at `index`, whose scan gave this `cost`? Collects garbage if
   necessary. */
bool of_json_room(lua_State *L, int index, const of_json_cost *cost);

#endif
