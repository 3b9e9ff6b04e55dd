/*
 * oneflow in a C program: the names that the static library, liboneflow.a, offers.
 *
 *     lua_State *L = luaL_newstate();
 *     luaL_openlibs(L);
 *     oneflow_preload(L);                         // no file is read: all of it is in the program
 *     lua_newtable(L);                            // the options of oneflow.client, without a token
 *     if (oneflow_client(L, ask_vault, &vault))   // the client is on the top of the stack
 *
 * Threads: a function here is called by the thread that runs `L`, as Lua's own are; states on
 * several threads may be used at once, the library shares nothing between them that needs the
 * host's care. Like Lua's functions they raise Lua errors (for want of memory, among others): call
 * them under lua_pcall. Unless it says otherwise a function leaves the stack as it was.
 *
 * The end: neither lua_close nor the collection of a client waits for an answer. A request on the
 * wire that must not be repeated is carried on by the library's own thread, and a line on standard
 * error says what became of it. exit(), and a return from main, write a line for each of those that
 * are left and then wait for them, for at most the client's option `drain`; _exit() and a signal
 * that kills do not. A thread that is in a call of a client must be joined before exit(): libcurl
 * and TLS are taken down under it, which can crash, and its requests are told of but not waited
 * for.
 *
 * Plugins: with the first client libcurl gets the library's allocator, and the process its handlers
 * of fork and exit. The shared object that the library is linked into therefore stays loaded until
 * the process ends, also when its host unloads it (dlclose), and no linker flag is needed for that.
 *
 * Besides libcurl, libcrypto and zlib the library needs lua-cjson: registered by the host as
 * package.preload.cjson before the first `require "oneflow"` (luaopen_cjson of a static
 * liblua5.4-cjson.a), or found by `require` in package.cpath.
 */
#ifndef ONEFLOW_H
#define ONEFLOW_H

#include <lua.h>
#include <stddef.h>

#if defined(__GNUC__)
#define ONEFLOW_API __attribute__((visibility("default")))
#else
#define ONEFLOW_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The C core as a Lua module, "oneflow.core". The one name that the shared object exports too. */
ONEFLOW_API int luaopen_oneflow_core(lua_State *L);

/* Registers the core and every Lua module of the library in package.preload, from memory. Needs
   the standard library `package`. */
ONEFLOW_API void oneflow_preload(lua_State *L);

typedef enum oneflow_token_reason {
    ONEFLOW_TOKEN_FIRST,  /* before the client's first call */
    ONEFLOW_TOKEN_REFUSED /* after a 401: once, and the call is repeated if the token is another */
} oneflow_token_reason;

/*
 * Asks the host for the API token: writes it to `bytes`, at most `size` of them, without a NUL, and
 * returns how many; 0 when there is none. The bytes are the library's: they are copied to its own
 * memory and wiped, and never become a Lua value.
 *
 * Called by the thread that runs the client's state, from within a call of the client. It must
 * return, and must not touch a Lua state. Clients of states on several threads that share a context
 * call it at the same time.
 */
typedef size_t oneflow_token_callback(void *context, oneflow_token_reason reason, char *bytes,
                                      size_t size);

/*
 * require("oneflow").client(options), with the token from the callback. The options are on the top
 * of the stack, without token, token_file and token_env, and are popped. Returns 1 and pushes the
 * client, or 0 and pushes the error object, on which luaL_tolstring gives one line. Raises what
 * oneflow.client raises. The context stays the host's, and must live until the client is closed or
 * its state is. No script reaches callback, context or token, whatever it is given.
 */
ONEFLOW_API int oneflow_client(lua_State *L, oneflow_token_callback *ask, void *context);

#ifdef __cplusplus
}
#endif

#endif
