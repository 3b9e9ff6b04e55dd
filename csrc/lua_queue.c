#include "lua_queue.h"

#include "inline_queue.h"
#include "io_thread.h"
#include "lua_type.h"
#include "threaded_queue.h"

const char OF_QUEUE_TYPE[] = "oneflow.queue";
static const char *const DRIVERS[] = {"inline", "threaded", NULL};

typedef struct queue_box {
    of_queue *queue;
} queue_box;

int of_lua_queue_new(lua_State *L) {
    int threaded = luaL_checkoption(L, 1, NULL, DRIVERS);
    queue_box *box = of_type_new(L, OF_QUEUE_TYPE, sizeof *box);
    box->queue = threaded != 0 ? of_io_queue_new() : of_inline_queue_new();
    if (box->queue == NULL)
        return luaL_error(L, "%s", of_no_memory);
    return 1;
}

of_queue *of_lua_queue(lua_State *L, int index, int upvalue) {
    if (lua_isnoneornil(L, index))
        return NULL;
    const queue_box *box = of_type_check(L, index, upvalue, OF_QUEUE_TYPE);
    if (box->queue == NULL)
        luaL_argerror(L, index, OF_QUEUE_TYPE);
    return box->queue;
}

/* The queue, in a method; the type is the first upvalue of the methods. */
static of_queue *self(lua_State *L) {
    luaL_checkany(L, 1);
    return of_lua_queue(L, 1, 1);
}

/* queue:next() -> number of a done request | nil */
static int queue_next(lua_State *L) {
    unsigned long number = of_queue_next(self(L));
    if (number == 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, (lua_Number)number);
    return 1;
}

/* queue:wait(seconds) -> is one done? Returns early, so that signals are seen. */
static int queue_wait(lua_State *L) {
    of_queue *queue = self(L);
    lua_Number seconds = luaL_optnumber(L, 2, 3600);
    long milliseconds = seconds <= 0 ? 0 : seconds > 1e6 ? 1000000000L : (long)(seconds * 1000);
    lua_pushboolean(L, of_queue_wait(queue, milliseconds));
    return 1;
}

/* queue:fd() -> descriptor that is readable while one is done | nil */
static int queue_fd(lua_State *L) {
    of_queue *queue = self(L);
    int fd = queue->lock != NULL ? of_threaded_queue_fd(queue) : -1;
    if (fd < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, fd);
    return 1;
}

/* queue:number() -> the number that a subscriber sends to the notify socket */
static int queue_number(lua_State *L) {
    const of_queue *queue = self(L);
    lua_pushnumber(L, queue->lock != NULL ? (lua_Number)of_threaded_queue_number(queue) : 0);
    return 1;
}

static int queue_gc(lua_State *L) {
    queue_box *box = luaL_checkudata(L, 1, OF_QUEUE_TYPE);
    of_queue *queue = box->queue;
    box->queue = NULL;
    if (queue != NULL)
        of_queue_unref(queue);
    return 0;
}

int of_lua_notify_socket(lua_State *L) {
    of_kind kind = OF_OK;
    const char *why = NULL;
    const char *path = of_io_notify_socket(luaL_optstring(L, 1, NULL), &kind, &why);
    if (path == NULL) {
        lua_pushnil(L);
        lua_pushstring(L, why);
        lua_pushstring(L, of_kind_name(kind));
        return 3;
    }
    lua_pushstring(L, path);
    return 1;
}

void of_lua_queue_open(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"next", queue_next},     {"wait", queue_wait}, {"fd", queue_fd},
        {"number", queue_number}, {NULL, NULL},
    };
    static const char *const upvalues[] = {OF_QUEUE_TYPE, NULL};
    of_type_open(L, OF_QUEUE_TYPE, queue_gc);
    of_type_methods(L, methods, upvalues);
}
