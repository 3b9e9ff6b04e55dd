/*
 * Requests and their answers, for Lua: methods of the engine, and the request handle, which is what
 * Lua holds of a transfer: dropping it cancels the transfer.
 */
#ifndef ONEFLOW_LUA_REQUEST_H
#define ONEFLOW_LUA_REQUEST_H

#include "compat.h"

/* Registers the handle's type and the methods; after the engine's and the queues'. */
void of_lua_request_open(lua_State *L);

#endif
