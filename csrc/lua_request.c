#include "lua_request.h"

#include "digest.h"
#include "engine.h"
#include "head.h"
#include "lua_buffer.h"
#include "lua_engine.h"
#include "lua_file.h"
#include "lua_queue.h"
#include "lua_type.h"

#include <stdint.h>
#include <string.h>

static const char HANDLE[] = "oneflow.request_handle";

typedef struct handle_box {
    of_transfer *transfer;
    of_buffer query; /* scratch memory of submit; freed there or with the handle */
    of_buffer headers;
} handle_box;

enum { HANDLE_UPVALUE = OF_ENGINE_UPVALUE + 1, QUEUE_UPVALUE };

static handle_box *check_handle(lua_State *L, int index) {
    handle_box *box = of_type_check(L, index, HANDLE_UPVALUE, HANDLE);
    if (box->transfer == NULL)
        luaL_error(L, "the request handle was taken already");
    return box;
}

/* ---- requests -------------------------------------------------------------------------------- */

static const char *const METHODS[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};

/* Calls `add` for each pair of the list of { name, value } at `list`, if there is one. */
static const char *each_pair(lua_State *L, int list, handle_box *box,
                             const char *(*add)(handle_box *, const char *, size_t, const char *,
                                                size_t)) {
    if (lua_isnoneornil(L, list))
        return NULL;
    luaL_checktype(L, list, LUA_TTABLE);
    const char *why = NULL;
    size_t count = lua_rawlen(L, list);
    for (size_t i = 1; i <= count && why == NULL; i++) {
        lua_rawgeti(L, list, (int)i);
        luaL_checktype(L, -1, LUA_TTABLE);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        luaL_checktype(L, -2, LUA_TSTRING);
        luaL_checktype(L, -1, LUA_TSTRING);
        size_t name_length;
        size_t value_length;
        const char *name = lua_tolstring(L, -2, &name_length);
        const char *value = lua_tolstring(L, -1, &value_length);
        why = add(box, name, name_length, value, value_length);
        lua_pop(L, 3);
    }
    return why;
}

static const char *add_query(handle_box *box, const char *name, size_t name_length,
                             const char *value, size_t value_length) {
    of_buffer *query = &box->query;
    bool good = (query->length == 0 || of_buffer_append(query, "&", 1)) &&
                of_escape(query, name, name_length) && of_buffer_append(query, "=", 1) &&
                of_escape(query, value, value_length);
    return good ? NULL : of_buffer_why(query);
}

static const char *add_header(handle_box *box, const char *name, size_t name_length,
                              const char *value, size_t value_length) {
    const char *why = of_check_header_name(name, name_length);
    if (why == NULL)
        why = of_check_header_value(value, value_length);
    if (why != NULL)
        return why;
    of_buffer *headers = &box->headers;
    bool good = of_buffer_append(headers, name, name_length) &&
                of_buffer_append(headers, ": ", 2) &&
                of_buffer_append(headers, value, value_length) && of_buffer_append(headers, "", 1);
    return good ? NULL : of_buffer_why(headers);
}

static void set_string(lua_State *L, const char *name, const char *text, size_t length) {
    lua_pushlstring(L, text, length);
    lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *text) {
    set_string(L, name, text, strlen(text));
}

/* Pushes nil and the failure, in the form that `take` returns: nothing will be sent */
static int refuse_request(lua_State *L, of_kind kind, const char *field, const char *why) {
    lua_pushnil(L);
    lua_createtable(L, 0, 4);
    set_text(L, "kind", of_kind_name(kind));
    if (kind == OF_VALIDATION)
        set_text(L, "field", field != NULL ? field : "");
    set_text(L, "message", why);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "sent");
    return 2;
}

/* The arguments of submit and describe. They are not in a table: making and reading one took longer
   than the rest of the call. */
enum {
    USED = 2,
    METHOD,
    REPEATABLE,
    PATH,
    USER,
    TIMEOUT,
    QUERY,
    BODY,
    HEADERS,
    FRESH,
    QUEUE,
    FORM,
    ANSWER
};

static const char *optional_string(lua_State *L, int index, size_t *length) {
    if (lua_isnoneornil(L, index))
        return NULL;
    luaL_checktype(L, index, LUA_TSTRING); /* converts nothing */
    return lua_tolstring(L, index, length);
}

/* Whatever part of the request needs memory is built in the handle's scratch buffer. */
static of_kind read_request(lua_State *L, handle_box *box, of_request *request, const char **field,
                            const char **why) {
    *request = (of_request){
        .timeout = of_lua_milliseconds(luaL_checknumber(L, TIMEOUT)),
        .repeatable = lua_toboolean(L, REPEATABLE),
        .fresh = lua_toboolean(L, FRESH),
    };
    luaL_checktype(L, METHOD, LUA_TSTRING);
    luaL_checktype(L, PATH, LUA_TSTRING);
    request->path = lua_tolstring(L, PATH, &request->path_length);
    request->body = optional_string(L, BODY, &request->body_length);
    request->user = optional_string(L, USER, &request->user_length);
    const char *method = lua_tostring(L, METHOD);
    for (int i = 0; METHODS[i] != NULL; i++) {
        if (strcmp(method, METHODS[i]) == 0)
            request->method = METHODS[i];
    }
    *field = "method";
    *why = request->method == NULL ? "is none of GET, POST, PUT, PATCH and DELETE" : NULL;
    if (*why == NULL) {
        *field = "query";
        *why = each_pair(L, QUERY, box, add_query);
    }
    if (*why == NULL) {
        *field = "headers";
        *why = each_pair(L, HEADERS, box, add_header);
    }
    if (*why != NULL)
        return *why == of_no_memory ? OF_MEMORY : OF_VALIDATION;
    request->query = box->query.length > 0 ? box->query.bytes : NULL;
    request->headers = box->headers.length > 0 ? box->headers.bytes : NULL;
    return OF_OK;
}

/* Reads the argument `answer`: nil (JSON), "bytes", "stream", or a target that the file is written
   to. */
static void read_answer(lua_State *L, int index, of_request *request) {
    static const char *const answers[] = {"bytes", "stream", NULL};
    static const of_answer kinds[] = {OF_ANSWER_BYTES, OF_ANSWER_STREAM};
    if (lua_isnil(L, index))
        return;
    request->target = of_lua_target(L, index);
    request->answer = request->target != NULL ? OF_ANSWER_TARGET
                                              : kinds[luaL_checkoption(L, index, NULL, answers)];
}

static handle_box *new_handle(lua_State *L) {
    handle_box *box = of_type_new(L, HANDLE, sizeof *box);
    of_buffer_init(&box->query, 64 * 1024);
    of_buffer_init(&box->headers, 64 * 1024);
    return box;
}

/* A handle whose answer was taken may be reused: a finalizer for each call would cost more than
   everything else. */
static handle_box *reuse_handle(lua_State *L, int index) {
    handle_box *box = of_type_check(L, index, HANDLE_UPVALUE, HANDLE);
    if (box->transfer != NULL)
        luaL_error(L, "the request handle is still in use");
    lua_pushvalue(L, index);
    return box;
}

/* engine:handle() -> a request handle, to pass to submit or follow */
static int engine_handle(lua_State *L) {
    of_lua_engine(L);
    (void)new_handle(L);
    return 1;
}

/* engine:submit(used_handle | nil, method, repeatable, path, user, timeout, query, body, headers,
   fresh, queue | nil, form | nil, answer) -> handle, number in the queue | nil, { kind=, field=,
   message=, sent=false }. query and headers are lists of { name, value }; the timeout is in
   seconds. `answer` says what a good answer is and where it goes: nil (JSON), "bytes" (a file),
   "stream" (a file, to be read piece by piece), or a target (a file on disk). */
static int engine_submit(lua_State *L) {
    lua_settop(L, ANSWER);
    of_queue *queue = of_lua_queue(L, QUEUE, QUEUE_UPVALUE);
    handle_box *box = lua_isnil(L, USED) ? new_handle(L) : reuse_handle(L, USED);
    of_engine *engine =
        of_lua_engine(L); /* again, because a finalizer of the script may have closed it by now */
    of_request request;
    const char *field = NULL;
    const char *why = NULL;
    of_kind kind = read_request(L, box, &request, &field, &why);
    request.form = of_lua_form(L, FORM);
    read_answer(L, ANSWER, &request);
    if (kind == OF_OK)
        kind = of_engine_submit(engine, &request, queue, &box->transfer, &field, &why);
    of_buffer_free(&box->query);
    of_buffer_free(&box->headers);
    if (kind != OF_OK)
        return refuse_request(L, kind, field, why);
    lua_pushnumber(L, (lua_Number)of_transfer_number(box->transfer));
    return 2;
}

/* engine:follow(used_handle | nil, location, timeout, answer, queue | nil) -> as submit. Fetches a
   file, without credentials, from the location that an answer contained. A location that is not
   allowed is refused with the kind "validation". */
static int engine_follow(lua_State *L) {
    lua_settop(L, 6);
    luaL_checktype(L, 3, LUA_TSTRING);
    size_t length = 0;
    const char *location = lua_tolstring(L, 3, &length);
    of_request request = {.timeout = of_lua_milliseconds(luaL_checknumber(L, 4))};
    read_answer(L, 5, &request);
    of_queue *queue = of_lua_queue(L, 6, QUEUE_UPVALUE);
    handle_box *box = lua_isnil(L, USED) ? new_handle(L) : reuse_handle(L, USED);
    of_engine *engine = of_lua_engine(L);
    const char *why = NULL;
    of_kind kind =
        of_engine_follow(engine, location, length, &request, queue, &box->transfer, &why);
    if (kind != OF_OK)
        return refuse_request(L, kind, "location", why);
    lua_pushnumber(L, (lua_Number)of_transfer_number(box->transfer));
    return 2;
}

/* engine:read(handle) -> the received part of a "stream" | nil */
static int engine_read(lua_State *L) {
    (void)of_type_check(L, 1, OF_ENGINE_UPVALUE, OF_ENGINE_TYPE);
    of_transfer *transfer = check_handle(L, 2)->transfer;
    size_t length = 0;
    const char *bytes = of_transfer_read(transfer, &length);
    if (bytes == NULL) {
        lua_pushnil(L);
    } else {
        lua_pushlstring(L, bytes, length);
        of_engine_consume(transfer);
    }
    return 1;
}

/* engine:progress(handle) -> bytes so far, bytes in all | nil: of the file that is received, or of
   the form that is sent */
static int engine_progress(lua_State *L) {
    (void)of_type_check(L, 1, OF_ENGINE_UPVALUE, OF_ENGINE_TYPE);
    int64_t done = 0;
    int64_t total = 0;
    of_transfer_progress(check_handle(L, 2)->transfer, &done, &total);
    lua_pushnumber(L, (lua_Number)done);
    if (total < 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, (lua_Number)total);
    return 2;
}

/* engine:describe(...), arguments as submit -> the request as a transport in Lua gets it | nil,
   refusal. Makes the same checks; gives the token only as its SHA-256. */
static int engine_describe(lua_State *L) {
    lua_settop(L, FRESH);
    handle_box *box = new_handle(L);
    of_engine *engine = of_lua_engine(L);
    of_request request;
    const char *field = NULL;
    const char *why = NULL;
    of_kind kind = read_request(L, box, &request, &field, &why);
    if (kind == OF_OK)
        kind = of_engine_check(engine, &request, &field, &why);
    if (kind != OF_OK)
        return refuse_request(L, kind, field, why);
    char digest[OF_SHA256_HEX + 1];
    const of_token *token = of_engine_token(engine);
    if (!of_sha256(token->bytes, token->length, digest))
        return luaL_error(L, "SHA-256 is not available");

    lua_createtable(L, 0, 6);
    set_string(L, "method", request.method, strlen(request.method));
    const char *base = of_engine_config(engine)->url.path;
    lua_pushstring(L, base);
    lua_pushlstring(L, request.path, request.path_length);
    lua_concat(L, 2);
    lua_setfield(L, -2, "path");
    set_string(L, "query", request.query != NULL ? request.query : "", box->query.length);
    if (request.body != NULL)
        set_string(L, "body", request.body, request.body_length);
    set_string(L, "token_sha256", digest, OF_SHA256_HEX);
    lua_newtable(L);
    set_string(L, "accept", "application/json", 16);
    if (request.user != NULL)
        set_string(L, OF_USER_HEADER, request.user, request.user_length);
    if (request.body != NULL)
        set_string(L, "content-type", "application/json", 16);
    for (const char *line = request.headers; line != NULL && *line != '\0';
         line += strlen(line) + 1) {
        const char *colon = strchr(line, ':');
        lua_pushlstring(L, line, (size_t)(colon - line));
        lua_pushstring(L, colon + 2);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "headers");
    return 1;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void push_header(lua_State *L, const of_buffer *head, const char *name) {
    size_t length = 0;
    const char *value = of_head_find(head, name, &length);
    if (value != NULL) {
        lua_pushlstring(L, value, length);
    } else {
        lua_pushnil(L);
    }
}

static void set_header(lua_State *L, const char *field, const of_buffer *head, const char *name) {
    push_header(L, head, name);
    lua_setfield(L, -2, field);
}

static void set_integer(lua_State *L, const char *name, long number) {
    lua_pushinteger(L, number);
    lua_setfield(L, -2, name);
}

static void push_body(lua_State *L, const of_result *result) {
    const of_buffer *body = result->body;
    if (result->kind == OF_OK && body->bytes != NULL) {
        lua_pushlstring(L, body->bytes, body->length);
    } else {
        lua_pushliteral(L, "");
    }
}

/* Pushes the number of the connection; nil: not sent, or unknown */
static void push_connection(lua_State *L, const of_result *result) {
    if (result->connection != 0)
        lua_pushinteger(L, (lua_Integer)result->connection);
    else
        lua_pushnil(L);
}

static void push_failure(lua_State *L, const of_result *result) {
    lua_createtable(L, 0, 11);
    if (result->kind != OF_OK) {
        set_text(L, "kind", of_kind_name(result->kind));
        set_text(L, "message", result->message);
    }
    lua_pushboolean(L, result->sent);
    lua_setfield(L, -2, "sent");
    set_integer(L, "connects", result->connects);
    push_connection(L, result);
    lua_setfield(L, -2, "connection");
    if (result->status == 0)
        return;
    set_integer(L, "status", result->status);
    push_body(L, result);
    lua_setfield(L, -2, "answer");
    set_header(L, "request_id", result->head, "x-request-id");
    set_header(L, "content_type", result->head, "content-type");
    set_header(L, "location", result->head, "location");
    if (result->retry_after > 0)
        set_integer(L, "retry_after", result->retry_after);
}

/* engine:take(handle) -> status, answer, request_id, content_type, connects, connection, for a
   complete 2xx answer | nil, { kind=, message=, sent=, connects=, connection=, status=, answer=,
   request_id=, content_type=, location=, retry_after= }. `connection` is the number of the
   connection that the request was sent on, see disconnect; nil: not sent, or unknown. The request
   must be done; its answer can be taken only once. */
static int engine_take(lua_State *L) {
    (void)of_type_check(L, 1, OF_ENGINE_UPVALUE, OF_ENGINE_TYPE);
    handle_box *box = check_handle(L, 2);
    if (!of_transfer_done(box->transfer))
        return luaL_error(L, "the request is not done");
    of_result result;
    of_transfer_result(box->transfer, &result);
    int count = 6;
    if (result.kind == OF_OK && result.status >= 200 && result.status < 300) {
        lua_pushinteger(L, result.status);
        push_body(L, &result);
        push_header(L, result.head, "x-request-id");
        push_header(L, result.head, "content-type");
        lua_pushinteger(L, result.connects);
        push_connection(L, &result);
    } else {
        count = 2;
        lua_pushnil(L);
        push_failure(L, &result);
    }
    of_engine_release(box->transfer);
    box->transfer = NULL;
    return count;
}

/* engine:settle(handle) -> sent, status | nil: ends the handle's request without taking an answer;
   nil: it has no request. Allocates nothing, so it works when memory is out. A request that may be
   dropped is dropped; any other runs to its end, and its result is written to the log. */
static int engine_settle(lua_State *L) {
    (void)of_type_check(L, 1, OF_ENGINE_UPVALUE, OF_ENGINE_TYPE);
    handle_box *box = of_type_check(L, 2, HANDLE_UPVALUE, HANDLE);
    of_transfer *transfer = box->transfer;
    if (transfer == NULL)
        return 0;
    box->transfer = NULL;
    of_engine_cancel(transfer);
    of_result result = {.sent = true};
    bool done = of_transfer_done(transfer);
    if (done)
        of_transfer_result(transfer, &result);
    lua_pushboolean(L, result.sent);
    if (result.status != 0)
        lua_pushinteger(L, result.status);
    else
        lua_pushnil(L);
    if (done)
        of_engine_release(transfer);
    else
        of_engine_orphan(transfer);
    return 2;
}

/* engine:wait(handle | nil, seconds) -> done; returns early, so that signals are seen */
static int engine_wait(lua_State *L) {
    of_engine *engine = of_lua_engine(L);
    of_transfer *transfer = lua_isnoneornil(L, 2) ? NULL : check_handle(L, 2)->transfer;
    long most = of_lua_milliseconds(luaL_optnumber(L, 3, 3600));
    lua_pushboolean(L, of_engine_wait(engine, transfer, most));
    return 1;
}

/* engine:done(handle) -> is it done? */
static int engine_done(lua_State *L) {
    (void)of_type_check(L, 1, OF_ENGINE_UPVALUE, OF_ENGINE_TYPE);
    lua_pushboolean(L, of_transfer_done(check_handle(L, 2)->transfer));
    return 1;
}

/* engine:cancel(handle): drops the request, unless it is on the wire and must not be repeated */
static int engine_cancel(lua_State *L) {
    (void)of_type_check(L, 1, OF_ENGINE_UPVALUE, OF_ENGINE_TYPE);
    of_engine_cancel(check_handle(L, 2)->transfer);
    return 0;
}

static int handle_gc(lua_State *L) {
    handle_box *box = luaL_checkudata(L, 1, HANDLE);
    of_transfer *transfer = box->transfer;
    box->transfer = NULL;
    of_buffer_free(&box->query);
    of_buffer_free(&box->headers);
    if (transfer != NULL)
        of_engine_orphan(transfer);
    return 0;
}

void of_lua_request_open(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"handle", engine_handle},     {"submit", engine_submit}, {"follow", engine_follow},
        {"describe", engine_describe}, {"wait", engine_wait},     {"read", engine_read},
        {"progress", engine_progress}, {"take", engine_take},     {"settle", engine_settle},
        {"cancel", engine_cancel},     {"done", engine_done},     {NULL, NULL},
    };
    static const char *const upvalues[] = {OF_ENGINE_TYPE, HANDLE, OF_QUEUE_TYPE, NULL};
    of_type_open(L, HANDLE, handle_gc);
    lua_pop(L, 1);
    luaL_getmetatable(L, OF_ENGINE_TYPE);
    of_type_methods(L, methods, upvalues);
}
