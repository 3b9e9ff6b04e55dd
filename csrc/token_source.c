#include "token_source.h"

#include "lua_type.h"
#include "memory.h"

static const char TOKEN_SOURCE[] = "oneflow.token_source";

void of_token_source_open(lua_State *L) {
    of_type_open(L, TOKEN_SOURCE, NULL);
    lua_pop(L, 1);
}

void of_token_source_push(lua_State *L, oneflow_token_callback *ask, void *context) {
    of_token_source *source = of_type_new(L, TOKEN_SOURCE, sizeof *source);
    *source = (of_token_source){.ask = ask, .context = context};
}

const of_token_source *of_token_source_test(lua_State *L, int index) {
    return of_type_test(L, index, TOKEN_SOURCE);
}

of_token_change of_token_source_ask(const of_token_source *source, oneflow_token_reason reason,
                                    of_token *token, const char **why) {
    char bytes[OF_TOKEN_MAX + 1]; /* one more byte, to detect a longer token */
    size_t length = source->ask(source->context, reason, bytes, sizeof bytes);
    of_token_change change = OF_TOKEN_REFUSED;
    if (length == 0) {
        *why = "was not given by the host";
    } else {
        change = of_token_set(token, bytes, length, why);
    }
    of_wipe(bytes, sizeof bytes);
    return change;
}
