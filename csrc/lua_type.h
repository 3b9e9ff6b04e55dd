/*
 * Registers, creates and checks the core's userdata types. A new userdata is zeroed and has its
 * metatable, so its finalizer can run whatever fails after that.
 */
#ifndef ONEFLOW_LUA_TYPE_H
#define ONEFLOW_LUA_TYPE_H

#include "compat.h"

#include <stddef.h>

/* Registers a type and leaves its metatable on the stack; scripts cannot reach it. `gc` may be
   NULL. */
void of_type_open(lua_State *L, const char *name, lua_CFunction gc);

/* Adds these methods to the type on the stack and pops it. Each method has as upvalues the
   metatables of the types named in `upvalues`, which ends with NULL. */
void of_type_methods(lua_State *L, const luaL_Reg *methods, const char *const *upvalues);

/* Creates a userdata of the type and leaves it on the stack. */
void *of_type_new(lua_State *L, const char *name, size_t size);

/* The userdata at the index; NULL: the value is of another type. */
void *of_type_test(lua_State *L, int index, const char *name);

/* The userdata at the index; raises for anything else. For functions that have the type's metatable
   as an upvalue, which is faster than a search of the registry by name. */
void *of_type_check(lua_State *L, int index, int upvalue, const char *name);

#endif
