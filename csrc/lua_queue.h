/* Queues of done transfers, and the notify socket, for Lua. A queue's userdata holds one reference
   to the queue. */
#ifndef ONEFLOW_LUA_QUEUE_H
#define ONEFLOW_LUA_QUEUE_H

#include "compat.h"
#include "engine.h"

extern const char OF_QUEUE_TYPE[];

/* Lua: queue("inline" | "threaded") -> queue */
int of_lua_queue_new(lua_State *L);

/* Lua: notify_socket(folder | nil) -> path of its socket | nil, message, kind */
int of_lua_notify_socket(lua_State *L);

/* The queue at `index`; NULL for nil; raises for anything else. `upvalue`: the index of the upvalue
   with the queue's type. */
of_queue *of_lua_queue(lua_State *L, int index, int upvalue);

/* Registers the type with the state. */
void of_lua_queue_open(lua_State *L);

#endif
