#include "lua_queue.h"

#include "inline_queue.h"
#include "io_thread.h"
#include "threaded_queue.h"

static const char QUEUE[] = "oneflow.queue";
static const char *const DRIVERS[] = {"inline", "threaded", NULL};

typedef struct queue_box {
    of_queue *queue;
} queue_box;

int of_lua_queue_new(lua_State *L) {
    int threaded = luaL_checkoption(L, 1, NULL, DRIVERS);
    queue_box *box = of_newuserdata(L, sizeof *box);
    box->queue = NULL;
    luaL_getmetatable(L, QUEUE);
    lua_setmetatable(L, -2);
    box->queue = threaded != 0 ? of_io_queue_new() : of_inline_queue_new();
    if (box->queue == NULL)
        return luaL_error(L, "%s", of_no_memory);
    return 1;
}

/* The metatable is an upvalue: luaL_checkudata would search the registry by name. */
of_queue *of_lua_queue(lua_State *L, int index, int type) {
    if (lua_isnoneornil(L, index))
        return NULL;
    const queue_box *box = lua_touserdata(L, index);
    bool good = box != NULL && lua_getmetatable(L, index);
    if (good) {
        good = lua_rawequal(L, -1, lua_upvalueindex(type));
        lua_pop(L, 1);
    }
    if (!good || box->queue == NULL) {
        luaL_argerror(L, index, QUEUE);
        return NULL; /* not reached */
    }
    return box->queue;
}

/* Of the methods: theirs alone is the first upvalue. */
static of_queue *self(lua_State *L) {
    luaL_checkany(L, 1);
    return of_lua_queue(L, 1, 1);
}

/* queue:next() -> number of a ticket that is done | nil */
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

/* queue:number() -> by which the door knows it */
static int queue_number(lua_State *L) {
    const of_queue *queue = self(L);
    lua_pushnumber(L, queue->lock != NULL ? (lua_Number)of_threaded_queue_number(queue) : 0);
    return 1;
}

static int queue_gc(lua_State *L) {
    queue_box *box = luaL_checkudata(L, 1, QUEUE);
    of_queue *queue = box->queue;
    box->queue = NULL;
    if (queue != NULL)
        of_queue_unref(queue);
    return 0;
}

int of_lua_door(lua_State *L) {
    of_kind kind = OF_OK;
    const char *why = NULL;
    const char *path = of_io_door(luaL_optstring(L, 1, NULL), &kind, &why);
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
    luaL_newmetatable(L, QUEUE);
    lua_newtable(L);
    lua_pushvalue(L, -2);
    luaL_setfuncs(L, methods, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, queue_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
}
