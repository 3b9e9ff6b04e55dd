#include "lua_file.h"

#include "lua_buffer.h"
#include "lua_type.h"

#include <string.h>

static const char FORM[] = "oneflow.form";
static const char TARGET[] = "oneflow.target";

typedef struct form_box {
    of_form *form;
} form_box;

typedef struct target_box {
    of_target *target;
} target_box;

static int refuse(lua_State *L, const char *why) {
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

/* ---- forms ----------------------------------------------------------------------------------- */

static void add_fields(lua_State *L, int list, of_form *form) {
    size_t count = lua_rawlen(L, list);
    for (size_t i = 1; i <= count; i++) {
        size_t length = 0;
        lua_rawgeti(L, list, (int)i);
        luaL_checktype(L, -1, LUA_TTABLE);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        luaL_checktype(L, -2, LUA_TSTRING);
        luaL_checktype(L, -1, LUA_TSTRING);
        const char *name = lua_tostring(L, -2);
        const char *value = lua_tolstring(L, -1, &length);
        of_form_field(form, name, value, length);
        lua_pop(L, 3);
    }
}

/* form(fields, name, file_name, content_type, path | nil, content | nil) -> form | nil, message.
   `fields` is a list of { name, value }; the file, from `path` or `content`, is the last part. */
int of_lua_form_new(lua_State *L) {
    size_t name_length = 0;
    size_t length = 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *name = luaL_checkstring(L, 2);
    const char *file_name = luaL_checklstring(L, 3, &name_length);
    const char *content_type = luaL_checkstring(L, 4);
    const char *path = luaL_optstring(L, 5, NULL);
    const char *content = luaL_optlstring(L, 6, "", &length);
    form_box *box = of_type_new(L, FORM, sizeof *box);
    box->form = of_form_new();
    if (box->form == NULL)
        return refuse(L, of_no_memory);
    add_fields(L, 1, box->form);
    of_form_file(box->form, name, file_name, name_length, content_type);
    const char *why =
        path != NULL ? of_form_open(box->form, path) : of_form_content(box->form, content, length);
    if (why != NULL)
        return refuse(L, why);
    if (!of_form_seal(box->form))
        return refuse(L, of_no_memory);
    return 1;
}

of_form *of_lua_form(lua_State *L, int index) {
    if (lua_isnoneornil(L, index))
        return NULL;
    const form_box *box = luaL_checkudata(L, index, FORM);
    return box->form;
}

/* form:size() -> bytes of the file, bytes of the whole form */
static int form_size(lua_State *L) {
    const of_form *form = of_lua_form(L, 1);
    lua_pushnumber(L, (lua_Number)of_form_file_size(form));
    lua_pushnumber(L, (lua_Number)of_form_length(form));
    return 2;
}

/* form:text() -> the whole form, its content type | nil, message: for a transport in Lua */
static int form_text(lua_State *L) {
    const of_form *form = of_lua_form(L, 1);
    of_buffer *out = of_lua_buffer(L, (size_t)of_form_length(form));
    const char *why = NULL;
    char piece[4096];
    size_t got = 0;
    do {
        why = of_form_read(form, out->length, piece, sizeof piece, &got);
        if (why == NULL && !of_buffer_append(out, piece, got))
            why = of_no_memory;
    } while (why == NULL && got > 0);
    if (why != NULL)
        return refuse(L, why);
    lua_pushlstring(L, out->bytes, out->length);
    of_buffer_free(out);
    lua_pushstring(L, of_form_content_type(form));
    return 2;
}

static int form_gc(lua_State *L) {
    form_box *box = luaL_checkudata(L, 1, FORM);
    of_form *form = box->form;
    box->form = NULL;
    if (form != NULL)
        of_form_unref(form);
    return 0;
}

/* ---- targets --------------------------------------------------------------------------------- */

/* target(path) -> target | nil, message: the file that a download is written to */
int of_lua_target_new(lua_State *L) {
    size_t length = 0;
    char message[OF_TARGET_MESSAGE];
    const char *path = luaL_checklstring(L, 1, &length);
    if (strlen(path) != length)
        return refuse(L, "holds a NUL byte");
    target_box *box = of_type_new(L, TARGET, sizeof *box);
    box->target = of_target_new(path, message);
    return box->target != NULL ? 1 : refuse(L, message);
}

of_target *of_lua_target(lua_State *L, int index) {
    if (lua_type(L, index) != LUA_TUSERDATA)
        return NULL;
    const target_box *box = luaL_checkudata(L, index, TARGET);
    if (box->target == NULL)
        luaL_error(L, "the target is gone");
    return box->target;
}

static int failure(lua_State *L, const of_target *target) {
    char message[OF_TARGET_MESSAGE];
    of_target_failure(target, message, sizeof message);
    return refuse(L, message);
}

/* target:fill(bytes) -> true | nil, message: writes the whole file at once, for a transport in
   Lua */
static int target_fill(lua_State *L) {
    of_target *target = of_lua_target(L, 1);
    size_t length = 0;
    luaL_argcheck(L, target != NULL, 1, "target expected");
    const char *bytes = luaL_checklstring(L, 2, &length);
    if (!of_target_rewind(target) || !of_target_write(target, bytes, length) ||
        !of_target_commit(target))
        return failure(L, target);
    lua_pushboolean(L, 1);
    return 1;
}

/* target:discard(): removes the temporary file, if it is still there */
static int target_discard(lua_State *L) {
    of_target *target = of_lua_target(L, 1);
    luaL_argcheck(L, target != NULL, 1, "target expected");
    of_target_discard(target);
    return 0;
}

static int target_gc(lua_State *L) {
    target_box *box = luaL_checkudata(L, 1, TARGET);
    of_target *target = box->target;
    box->target = NULL;
    if (target != NULL) {
        of_target_discard(target);
        of_target_unref(target);
    }
    return 0;
}

void of_lua_file_open(lua_State *L) {
    static const luaL_Reg forms[] = {{"size", form_size}, {"text", form_text}, {NULL, NULL}};
    static const luaL_Reg targets[] = {
        {"fill", target_fill}, {"discard", target_discard}, {NULL, NULL}};
    static const char *const upvalues[] = {NULL};
    of_type_open(L, FORM, form_gc);
    of_type_methods(L, forms, upvalues);
    of_type_open(L, TARGET, target_gc);
    of_type_methods(L, targets, upvalues);
}
