/*
 * Requests and their answers, for Lua: methods of the engine, and the request handle, which
 * represents a transfer in Lua. Collecting the handle cancels the transfer.
 */
#ifndef ONEFLOW_LUA_REQUEST_H
#define ONEFLOW_LUA_REQUEST_H

#include "compat.h"

/* Registers the handle's type and the methods. Call it after the engine's and the queue's types are
   registered. */
void of_lua_request_open(lua_State *L);

#endif
