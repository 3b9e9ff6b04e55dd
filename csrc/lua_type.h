/*
 * The core's types of userdata: registered, made and checked here. Each begins as zeros, with its
 * metatable, so that its finalizer can run whatever fails after that.
 */
#ifndef ONEFLOW_LUA_TYPE_H
#define ONEFLOW_LUA_TYPE_H

#include "compat.h"

#include <stddef.h>

/* Registers a type -> its metatable, left on the stack; no script gets to see it. `gc` may be NULL.
 */
void of_type_open(lua_State *L, const char *name, lua_CFunction gc);

/* Gives the type on the stack these methods, and takes it off the stack. Each method has as
   upvalues the metatables of the types of these names, up to a NULL. */
void of_type_methods(lua_State *L, const luaL_Reg *methods, const char *const *upvalues);

/* A new one, left on the stack. */
void *of_type_new(lua_State *L, const char *name, size_t size);

/* Is the value one? NULL: it is not. */
void *of_type_test(lua_State *L, int index, const char *name);

/* What the argument is; raises for anything else. In a function that has the type's metatable as an
   upvalue: to search the registry by name takes longer. */
void *of_type_check(lua_State *L, int index, int upvalue, const char *name);

#endif
