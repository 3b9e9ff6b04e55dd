#include "json.h"

#include "json_room.h"
#include "json_scan.h"
#include "lua_buffer.h"
#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { STEPS_KEPT = 64 * 1024 };

/* Registry keys: their addresses are what counts. */
static const char decoder_key = 0;
static const char steps_key = 0;

static void push_decoder(lua_State *L) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)&decoder_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

/* Replaces a float on the top of the stack by an integer, if Lua has integers and it is integral;
   true if it did. */
static bool restore_number(lua_State *L) {
#if OF_HAS_INTEGERS
    if (lua_type(L, -1) != LUA_TNUMBER || lua_isinteger(L, -1))
        return false;
    lua_Number number = lua_tonumber(L, -1);
    if (!(number >= -OF_JSON_EXACT && number <= OF_JSON_EXACT))
        return false;
    lua_Integer integer = (lua_Integer)number;
    if ((lua_Number)integer != number)
        return false;
    lua_pop(L, 1);
    lua_pushinteger(L, integer);
    return true;
#else
    (void)L;
    return false;
#endif
}

/* Marks the value on the top of the stack as a list, if it is an empty table. */
static void mark_empty(lua_State *L) {
    if (lua_type(L, -1) != LUA_TTABLE)
        return;
    lua_pushnil(L);
    if (lua_next(L, -2) != 0) {
        lua_pop(L, 2);
        return;
    }
    of_json_push_mark(L);
    lua_setmetatable(L, -2);
}

/* Reuses the buffer of the last decode, because a new userdata each time would cost a finalizer. It
   is taken out of the registry while in use: a finalizer of the script may run during a decode and
   decode as well. */
static of_buffer *push_steps(lua_State *L) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)&steps_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return of_lua_buffer(L, (size_t)1 << 30);
    }
    lua_pushlightuserdata(L, (void *)(uintptr_t)&steps_key);
    lua_pushnil(L);
    lua_rawset(L, LUA_REGISTRYINDEX);
    return lua_touserdata(L, -1);
}

static void keep_steps(lua_State *L, int index) {
    of_buffer *steps = lua_touserdata(L, index);
    if (steps->capacity > STEPS_KEPT)
        of_buffer_free(steps);
    of_buffer_clear(steps);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&steps_key);
    lua_pushvalue(L, index);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

static void push_key(lua_State *L, const of_json_step *step) {
    if (step->key == NULL) {
        lua_pushinteger(L, (lua_Integer)step->size);
    } else if (!step->escaped) {
        lua_pushlstring(L, step->key, step->size);
    } else {
        char *key = of_newuserdata(L, step->size);
        lua_pushlstring(L, key, of_json_unescape(step->key, step->size, key));
        lua_remove(L, -2);
    }
}

static void restore_items(lua_State *L, const of_json_step *step) {
    for (int i = (int)step->size; i <= (int)step->last; i++) {
        lua_rawgeti(L, -1, i);
        if (restore_number(L)) {
            lua_rawseti(L, -2, i);
        } else {
            lua_pop(L, 1);
        }
    }
}

/* Follows the steps through the table on the top of the stack, makes integers of the integral
   floats and marks the empty lists. If a key occurs twice, the step may lead to another value than
   the one that was scanned. */
static void follow(lua_State *L, const of_json_step *steps, size_t count, int slots) {
    of_checkstack(L, slots + 8);
    size_t skipped = 0; /* levels that are entered in the text but are not tables here */
    for (size_t i = 0; i < count; i++) {
        const of_json_step *step = &steps[i];
        if (step->kind == OF_JSON_LEAVE) {
            if (skipped > 0) {
                skipped--;
            } else {
                lua_pop(L, 1);
            }
        } else if (skipped > 0) {
            skipped += step->kind == OF_JSON_ENTER;
        } else if (step->kind == OF_JSON_ENTER) {
            push_key(L, step);
            lua_rawget(L, -2);
            if (lua_type(L, -1) != LUA_TTABLE) {
                lua_pop(L, 1);
                skipped = 1;
            }
        } else if (step->kind == OF_JSON_NUMBERS) {
            restore_items(L, step);
        } else if (step->kind == OF_JSON_EMPTY) {
            push_key(L, step);
            lua_rawget(L, -2);
            mark_empty(L);
            lua_pop(L, 1);
        } else {
            push_key(L, step);
            lua_pushvalue(L, -1);
            lua_rawget(L, -3);
            if (restore_number(L)) {
                lua_rawset(L, -3);
            } else {
                lua_pop(L, 2);
            }
        }
    }
}

/* Decodes the text at `index` -> 0 and the value on the top, or lua_pcall's status and the error.
   In the locale "C" the C library reads a '.', whatever the process's decimal point is. */
static int call_decoder(lua_State *L, int index, const of_json_cost *cost) {
    if (!of_json_room(L, index, cost)) {
        lua_pushliteral(L, "no memory to decode it");
        return LUA_ERRMEM;
    }
    push_decoder(L);
    lua_pushvalue(L, index);
    of_locale former = of_locale_enter();
    int status = lua_pcall(L, 1, 1, 0);
    of_locale_leave(former);
    return status;
}

/* Called when lua-cjson has refused a valid text; its error is on the top. Then somebody in the
   process opened lua-cjson with another decimal point, and it fails at each '.'. It still reads
   numbers without one. Its static variable is not changed, because the program's own decodes may
   depend on it. */
static int decode_without_points(lua_State *L, const char *text, size_t length,
                                 const of_json_cost *cost, int status) {
    of_buffer *other = of_lua_buffer(L, 2 * length);
    if (!of_json_without_points(text, length, other) || other->out_of_memory || other->overflow) {
        status = other->out_of_memory ? LUA_ERRMEM : status;
        of_buffer_free(other);
        lua_pop(L, 1);
        return status;
    }
    lua_pushlstring(L, other->bytes, other->length);
    of_buffer_free(other);
    return call_decoder(L, lua_gettop(L), cost);
}

int of_json_decode(lua_State *L) {
    size_t length;
    luaL_checktype(L, 1, LUA_TSTRING);
    lua_settop(L, 1);
    const char *text = lua_tolstring(L, 1, &length);
    const char *why;
    size_t offset = 0;
    of_json_cost cost;
    of_buffer *steps = push_steps(L); /* at index 2 */
    of_kind kind = of_json_scan(text, length, steps, &cost, &why, &offset);
    if (kind != OF_OK) {
        keep_steps(L, 2);
        lua_pushnil(L);
        lua_pushstring(L, of_kind_name(kind));
        lua_pushfstring(L, "%s at byte %d of %d", why, (int)offset + 1, (int)length);
        return 3;
    }
    int status = call_decoder(L, 1, &cost);
    if (status == LUA_ERRRUN)
        status = decode_without_points(L, text, length, &cost, status);
    if (status != 0) {
        lua_pushnil(L);
        lua_pushstring(L, of_kind_name(status == LUA_ERRMEM ? OF_MEMORY : OF_DECODE));
        lua_pushvalue(L, -3);
        return 3;
    }
    bool object = text[strspn(text, " \n\t\r")] == '{';
    if (lua_type(L, -1) == LUA_TTABLE) {
        const void *first = steps->bytes;
        follow(L, first, steps->length / sizeof(of_json_step), cost.slots);
        if (!object)
            mark_empty(L);
    } else {
        restore_number(L);
    }
    keep_steps(L, 2);
    lua_pushstring(L, object ? "object" : "other");
    return 2;
}

/* lua_pcall for a function and its arguments, in the locale "C" or in the caller's. */
static int call_in(lua_State *L, bool c_locale, int arguments) {
    if (!c_locale)
        return lua_pcall(L, arguments, 1, 0);
    of_locale former = of_locale_enter();
    int status = lua_pcall(L, arguments, 1, 0);
    of_locale_leave(former);
    return status;
}

/* Pushes lua-cjson, in the state in which the program will find it. lua-cjson reads the decimal
   point when it is opened, once for the process, and ends the process if that is longer than a
   byte. If nobody in this state has opened it before, the program's own `require` will open it as
   if this had not happened. */
static void push_module(lua_State *L) {
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, "cjson");
    bool loaded = lua_toboolean(L, -1);
    lua_pop(L, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "cjson");
    if (call_in(L, of_locale_wide_point(), 1) != 0) {
        luaL_error(L,
                   "oneflow needs lua-cjson for this Lua: apt-get install lua-cjson, or luarocks "
                   "install lua-cjson\n%s",
                   lua_tostring(L, -1));
    }
    if (!loaded) {
        lua_pushnil(L);
        lua_setfield(L, -3, "cjson");
    }
    lua_remove(L, -2);
}

/* Does lua-cjson expect a '.' as the decimal point? */
static bool expects_point(lua_State *L, int module) {
    lua_getfield(L, module, "decode");
    lua_pushliteral(L, "0.5");
    bool good = call_in(L, true, 1) == 0 && lua_tonumber(L, -1) > 0;
    lua_pop(L, 1);
    return good;
}

/* Pushes a private instance, because the whole state shares the module's table. Creating one sets
   the decimal point, as opening does, but to the value that it already has. */
static void push_instance(lua_State *L, int module) {
    bool c_locale = expects_point(L, module) || of_locale_wide_point();
    lua_getfield(L, module, "new");
    if (call_in(L, c_locale, 0) != 0)
        lua_error(L);
}

/* Calls the setting `name` with a value on the private instance at `instance`. */
static void configure(lua_State *L, int instance, const char *name, lua_Integer value,
                      bool boolean) {
    lua_getfield(L, instance, name);
    if (boolean) {
        lua_pushboolean(L, value != 0);
    } else {
        lua_pushinteger(L, value);
    }
    lua_call(L, 1, 0);
}

void of_json_read_open(lua_State *L) {
    int top = lua_gettop(L);
    of_json_room_open(L);
    push_module(L);
    push_instance(L, top + 1);
    int instance = lua_gettop(L);
    configure(L, instance, "decode_max_depth", OF_JSON_DEPTH, false);
    configure(L, instance, "decode_invalid_numbers", 0, true);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&decoder_key);
    lua_getfield(L, instance, "decode");
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_settop(L, top);
}
