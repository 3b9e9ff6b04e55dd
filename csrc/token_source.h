/*
 * A host's callback for the token, as the Lua value that carries it from oneflow_client to the
 * engine. It has no fields and no methods. The context belongs to the host.
 */
#ifndef ONEFLOW_TOKEN_SOURCE_H
#define ONEFLOW_TOKEN_SOURCE_H

#include "compat.h"
#include "credentials.h"
#include "oneflow.h"

typedef struct of_token_source {
    oneflow_token_callback *ask; /* NULL: no callback */
    void *context;
} of_token_source;

/* Registers the type with the state. */
void of_token_source_open(lua_State *L);

void of_token_source_push(lua_State *L, oneflow_token_callback *ask, void *context);

/* NULL when the value is not a token source. */
const of_token_source *of_token_source_test(lua_State *L, int index);

/* Calls the callback and sets the token to its result. No Lua; called on the caller's thread. */
of_token_change of_token_source_ask(const of_token_source *source, oneflow_token_reason reason,
                                    of_token *token, const char **why);

#endif
