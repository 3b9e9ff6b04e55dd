/* Forms (for uploads) and targets (for downloads) as Lua values. */
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

/* The form or target at the index, borrowed; NULL: the value is not one. */
of_form *of_lua_form(lua_State *L, int index);
of_target *of_lua_target(lua_State *L, int index);

#endif
