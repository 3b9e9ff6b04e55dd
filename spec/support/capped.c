/* For specs: a separate Lua state whose allocator counts its bytes and refuses to exceed a
   limit. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

typedef struct box {
    lua_State *L;
    size_t used;
    size_t peak;
    size_t cap;
    size_t refused; /* how many times */
} box;

static void *allocate(void *context, void *block, size_t old, size_t size) {
    box *b = context;
    if (block == NULL)
        old = 0; /* Lua passes the kind of object instead */
    if (size == 0) {
        b->used -= old;
        free(block);
        return NULL;
    }
    if (size > old && b->used - old + size > b->cap) {
        b->refused++;
        return NULL;
    }
    void *fresh = realloc(block, size);
    if (fresh == NULL)
        return NULL;
    b->used = b->used - old + size;
    if (b->used > b->peak)
        b->peak = b->used;
    return fresh;
}

static box *check(lua_State *L) {
    box *b = luaL_checkudata(L, 1, "capped");
    if (b->L == NULL)
        luaL_error(L, "closed");
    return b;
}

static int close_state(lua_State *L) {
    box *b = luaL_checkudata(L, 1, "capped");
    b->cap = (size_t)-1;
    if (b->L != NULL)
        lua_close(b->L);
    b->L = NULL;
    return 0;
}

/* new() -> a state with the standard libraries and no limit */
static int new (lua_State *L) {
    box *b = lua_newuserdata(L, sizeof *b);
    memset(b, 0, sizeof *b);
    b->cap = (size_t)-1;
    luaL_setmetatable(L, "capped");
    b->L = lua_newstate(allocate, b);
    if (b->L == NULL)
        return luaL_error(L, "no state");
    luaL_openlibs(b->L);
    return 1;
}

/* state:run(code, ...) -> status, and as a string what the chunk returned or raised; its arguments
   are strings and numbers */
static int run(lua_State *L) {
    box *b = check(L);
    int top = lua_gettop(L);
    lua_settop(b->L, 0);
    int status = luaL_loadstring(b->L, luaL_checkstring(L, 2));
    for (int i = 3; i <= top && status == 0; i++) {
        size_t length;
        if (lua_type(L, i) == LUA_TNUMBER) {
            lua_pushnumber(b->L, lua_tonumber(L, i));
        } else {
            const char *text = luaL_checklstring(L, i, &length);
            lua_pushlstring(b->L, text, length);
        }
    }
    if (status == 0)
        status = lua_pcall(b->L, top - 2, 1, 0);
    lua_pushinteger(L, status);
    lua_pushstring(L, lua_tostring(b->L, -1));
    lua_settop(b->L, 0);
    return 2;
}

/* state:cap(further bytes | nothing) -> bytes it holds; starts a new peak */
static int cap(lua_State *L) {
    box *b = check(L);
    b->peak = b->used;
    b->refused = 0;
    b->cap = lua_isnoneornil(L, 2) ? (size_t)-1 : b->used + (size_t)luaL_checknumber(L, 2);
    lua_pushnumber(L, (lua_Number)b->used);
    return 1;
}

/* in_use() -> bytes that malloc has given out in this process */
static int in_use(lua_State *L) {
    struct mallinfo2 info = mallinfo2();
    lua_pushnumber(L, (lua_Number)info.uordblks + (lua_Number)info.hblkhd);
    return 1;
}

/* state:stat() -> bytes held, their peak since cap(), how many times it refused */
static int stat(lua_State *L) {
    const box *b = check(L);
    lua_pushnumber(L, (lua_Number)b->used);
    lua_pushnumber(L, (lua_Number)b->peak);
    lua_pushnumber(L, (lua_Number)b->refused);
    return 3;
}

int luaopen_capped(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"run", run}, {"cap", cap}, {"stat", stat}, {"close", close_state}, {NULL, NULL}};
    luaL_newmetatable(L, "capped");
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, close_state);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    lua_pushcfunction(L, in_use);
    lua_setfield(L, -2, "in_use");
    return 1;
}
