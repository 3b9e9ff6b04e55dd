#include "lua_buffer.h"

static int collect(lua_State *L) {
    of_buffer_free(lua_touserdata(L, 1));
    return 0;
}

of_buffer *of_lua_buffer(lua_State *L, size_t limit) {
    of_buffer *buffer = of_newuserdata(L, sizeof *buffer);
    of_buffer_init(buffer, limit);
    if (luaL_newmetatable(L, "oneflow.buffer")) {
        lua_pushcfunction(L, collect);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return buffer;
}
