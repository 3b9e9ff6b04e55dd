#include "lua_engine.h"

#include "engine.h"
#include "lua_buffer.h"
#include "lua_type.h"
#include "token_source.h"

#include <string.h>

const char OF_ENGINE_TYPE[] = "oneflow.engine";

typedef struct engine_box {
    of_engine *engine;
    of_token_source source; /* the host's callback for the token, if there is one */
} engine_box;

static engine_box *check_box(lua_State *L) {
    return of_type_check(L, 1, OF_ENGINE_UPVALUE, OF_ENGINE_TYPE);
}

of_engine *of_lua_engine(lua_State *L) {
    const engine_box *box = check_box(L);
    if (box->engine == NULL || of_engine_closed(box->engine))
        luaL_error(L, "the client is closed");
    return box->engine;
}

/* ---- fields of an argument table: no conversions, so reading them cannot raise --------------- */

static const char *field_string(lua_State *L, int table, const char *name, size_t *length) {
    lua_getfield(L, table, name);
    const char *text = NULL;
    if (lua_type(L, -1) == LUA_TSTRING) {
        text = lua_tolstring(L, -1, length); /* stays valid, because the table references it */
    } else if (!lua_isnil(L, -1)) {
        luaL_error(L, "%s: string expected, got %s", name, luaL_typename(L, -1));
    }
    lua_pop(L, 1);
    return text;
}

static const char *field_text(lua_State *L, int table, const char *name) {
    size_t length = 0;
    const char *text = field_string(L, table, name, &length);
    if (text != NULL && strlen(text) != length)
        luaL_error(L, "%s: holds a NUL byte", name);
    return text;
}

static lua_Number field_number(lua_State *L, int table, const char *name) {
    lua_getfield(L, table, name);
    if (lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "%s: number expected, got %s", name, luaL_typename(L, -1));
    lua_Number number = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return number;
}

long of_lua_milliseconds(lua_Number seconds) {
    return seconds < 0.001 ? 1 : seconds > 1e6 ? 1000000000L : (long)(seconds * 1000);
}

/* ---- the engine ------------------------------------------------------------------------------ */

static int refuse(lua_State *L, const char *option, const char *why) {
    lua_pushnil(L);
    lua_pushstring(L, option);
    lua_pushstring(L, why);
    return 3;
}

int of_lua_engine_new(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t url_length = 0;
    size_t token_length = 0;
    const char *url = field_string(L, 1, "base_url", &url_length);
    const char *token = field_string(L, 1, "token", &token_length);
    const char *token_file = field_text(L, 1, "token_file");
    const char *token_env = field_text(L, 1, "token_env");
    of_options options = {
        .user_agent = field_text(L, 1, "user_agent"),
        .ca_file = field_text(L, 1, "ca_file"),
        .proxy = field_text(L, 1, "proxy"),
        .connect_timeout = of_lua_milliseconds(field_number(L, 1, "connect_timeout")),
        .concurrency = (long)field_number(L, 1, "concurrency"),
        .max_body = (size_t)field_number(L, 1, "max_body"),
        .stall = (long)field_number(L, 1, "stall_timeout"),
        .drain = (long)(field_number(L, 1, "drain") * 1000),
    };
    if (url == NULL || options.user_agent == NULL)
        return luaL_error(L, "base_url and user_agent are required");

    lua_getfield(L, 1, "token_source");
    const of_token_source *source = of_token_source_test(L, -1);

    engine_box *box = of_type_new(L, OF_ENGINE_TYPE, sizeof *box);
    if (source != NULL)
        box->source = *source;

    const char *option = NULL;
    const char *why = NULL;
    box->engine = of_engine_new(url, url_length, &options, &option, &why);
    if (box->engine == NULL)
        return refuse(L, option != NULL ? option : "client", why);

    of_token *held = of_engine_token(box->engine);
    of_token_change change = OF_TOKEN_CHANGED;
    if (token != NULL) {
        option = "token";
        change = of_token_set(held, token, token_length, &why);
    } else if (token_file != NULL) {
        option = "token_file";
        change = of_token_read_file(held, token_file, &why);
    } else if (token_env != NULL) {
        option = "token_env";
        change = of_token_read_env(held, token_env, &why);
    }
    if (change == OF_TOKEN_REFUSED) {
        of_engine_close(box->engine);
        return refuse(L, option, why);
    }
    return 1;
}

static int engine_close(lua_State *L) {
    const engine_box *box = check_box(L);
    if (box->engine != NULL)
        of_engine_close(box->engine);
    return 0;
}

static int engine_gc(lua_State *L) {
    engine_box *box = luaL_checkudata(L, 1, OF_ENGINE_TYPE);
    of_engine *engine = box->engine;
    box->engine = NULL;
    if (engine != NULL) {
        of_engine_drop(engine);
        of_engine_unref(engine);
    }
    return 0;
}

static int push_change(lua_State *L, of_token_change change, const char *why) {
    if (change == OF_TOKEN_REFUSED) {
        lua_pushnil(L);
        lua_pushstring(L, why);
        return 2;
    }
    lua_pushstring(L, change == OF_TOKEN_SAME ? "same" : "changed");
    return 1;
}

/* engine:set_token(string) -> "same" | "changed" | nil, message */
static int engine_set_token(lua_State *L) {
    of_engine *engine = of_lua_engine(L);
    luaL_checktype(L, 2, LUA_TSTRING);
    size_t length;
    const char *bytes = lua_tolstring(L, 2, &length);
    const char *why = NULL;
    of_token_change change = of_token_set(of_engine_token(engine), bytes, length, &why);
    return push_change(
        L, change,
        why); /* not in one expression: the order of evaluation of arguments is unspecified */
}

/* engine:read_token(path) -> "same" | "changed" | nil, message */
static int engine_read_token(lua_State *L) {
    of_engine *engine = of_lua_engine(L);
    const char *why = NULL;
    of_token_change change =
        of_token_read_file(of_engine_token(engine), luaL_checkstring(L, 2), &why);
    return push_change(L, change, why);
}

/* engine:ask_token("first" | "refused") -> "same" | "changed" | nil, message. The token goes from
   the host's callback to the engine and never becomes a Lua value. */
static int engine_ask_token(lua_State *L) {
    static const char *const reasons[] = {"first", "refused", NULL};
    of_engine *engine = of_lua_engine(L);
    const of_token_source *source = &check_box(L)->source;
    int reason = luaL_checkoption(L, 2, NULL, reasons);
    if (source->ask == NULL)
        return luaL_error(L, "the engine has no token source");
    const char *why = NULL;
    of_token_change change =
        of_token_source_ask(source, reason == 0 ? ONEFLOW_TOKEN_FIRST : ONEFLOW_TOKEN_REFUSED,
                            of_engine_token(engine), &why);
    return push_change(L, change, why);
}

/* Finds the token, or the previous one, in the text -> its position and length; NULL: not found. */
static const char *find_secret(const of_token *token, const char *text, size_t length,
                               size_t *found) {
    const struct {
        const char *bytes;
        size_t length;
    } secrets[] = {{token->bytes, token->length}, {token->previous, token->previous_length}};
    for (; length > 0; text++, length--) {
        for (size_t i = 0; i < 2; i++) {
            size_t n = secrets[i].length;
            if (n > 0 && length >= n && memcmp(text, secrets[i].bytes, n) == 0) {
                *found = n;
                return text;
            }
        }
    }
    return NULL;
}

/* Nothing in here may call Lua: a finalizer of the script could close the engine. */
static void mask(of_buffer *out, const of_token *token, const char *text, size_t length) {
    size_t found = 0;
    const char *secret;
    while ((secret = find_secret(token, text, length, &found)) != NULL) {
        of_buffer_append(out, text, (size_t)(secret - text));
        of_buffer_append(out, "***", 3);
        length -= (size_t)(secret - text) + found;
        text = secret + found;
    }
    of_buffer_append(out, text, length);
}

/* engine:mask(text) -> the text with the token, and the previous one, replaced by ***. A closed
   engine has wiped its tokens, and returns only ***. */
static int engine_mask(lua_State *L) {
    const engine_box *box = check_box(L);
    luaL_checktype(L, 2, LUA_TSTRING);
    size_t length;
    size_t found;
    const char *text = lua_tolstring(L, 2, &length);
    bool closed = box->engine == NULL || of_engine_closed(box->engine);
    if (!closed && find_secret(of_engine_token(box->engine), text, length, &found) == NULL) {
        lua_settop(L, 2);
        return 1;
    }
    of_buffer *out = closed ? NULL : of_lua_buffer(L, 3 * length);
    if (out == NULL || of_engine_closed(box->engine)) {
        lua_pushliteral(L, "***");
        return 1;
    }
    mask(out, of_engine_token(box->engine), text, length);
    if (out->out_of_memory)
        return luaL_error(L, "not enough memory");
    lua_pushlstring(L, out->bytes, out->length);
    of_buffer_free(out);
    return 1;
}

/* engine:poll(seconds) -> idle: one step, for a caller with an event loop of its own */
static int engine_poll(lua_State *L) {
    of_engine *engine = of_lua_engine(L);
    lua_Number seconds = luaL_optnumber(L, 2, 0);
    lua_pushboolean(L,
                    of_engine_wait(engine, NULL, seconds > 0 ? of_lua_milliseconds(seconds) : 0));
    return 1;
}

/* engine:disconnect(number): shuts down the connection with the number that `take` returned. Calls
   on it, and done ones whose answer was not taken yet, fail with the kind "connection". Does
   nothing if the connection is closed or belongs to another engine. */
static int engine_disconnect(lua_State *L) {
    const engine_box *box = check_box(L);
    lua_Integer number = luaL_checkinteger(L, 2);
    if (box->engine != NULL && !of_engine_closed(box->engine) && number > 0)
        of_engine_disconnect(box->engine, (uint64_t)number);
    return 0;
}

/* engine:base_url() -> the base URL as the core parsed it */
static int engine_base_url(lua_State *L) {
    const of_url *url = &of_engine_config(of_lua_engine(L))->url;
    lua_pushfstring(L, "%s%s", url->origin, url->path);
    return 1;
}

void of_lua_engine_open(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"poll", engine_poll},
        {"disconnect", engine_disconnect},
        {"set_token", engine_set_token},
        {"read_token", engine_read_token},
        {"ask_token", engine_ask_token},
        {"mask", engine_mask},
        {"close", engine_close},
        {"base_url", engine_base_url},
        {NULL, NULL},
    };
    static const char *const upvalues[] = {OF_ENGINE_TYPE, NULL};
    of_type_open(L, OF_ENGINE_TYPE, engine_gc);
    of_type_methods(L, methods, upvalues);
}
