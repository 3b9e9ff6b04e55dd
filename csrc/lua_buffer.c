#include "lua_buffer.h"

#include "lua_type.h"

static const char BUFFER[] = "oneflow.buffer";

static int buffer_gc(lua_State *L) {
    of_buffer_free(lua_touserdata(L, 1));
    return 0;
}

of_buffer *of_lua_buffer(lua_State *L, size_t limit) {
    of_buffer *buffer = of_type_new(L, BUFFER, sizeof *buffer);
    of_buffer_init(buffer, limit);
    return buffer;
}

void of_lua_buffer_open(lua_State *L) {
    of_type_open(L, BUFFER, buffer_gc);
    lua_pop(L, 1);
}
