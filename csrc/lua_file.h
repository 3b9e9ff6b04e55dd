/* Forms and targets as Lua values: what an upload is made of, and what a download becomes. */
#ifndef ONEFLOW_LUA_FILE_H
#define ONEFLOW_LUA_FILE_H

#include "compat.h"
#include "form.h"
#include "target.h"

/* Registers the types' metatables. */
void of_lua_file_open(lua_State *L);

/* core.form(...), core.target(path) */
int of_lua_form_new(lua_State *L);
int of_lua_target_new(lua_State *L);

/* What is at the index, borrowed; NULL: no such thing there. */
of_form *of_lua_form(lua_State *L, int index);
of_target *of_lua_target(lua_State *L, int index);

#endif
