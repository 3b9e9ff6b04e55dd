/*
 * oneflow in a C program: the names that the static library, liboneflow.a, offers.
 *
 *     lua_State *L = luaL_newstate();
 *     luaL_openlibs(L);
 *     oneflow_preload(L);                         // from memory, reads no file
 *     lua_newtable(L);                            // the options of oneflow.client, without a token
 *     if (oneflow_client(L, ask_vault, &vault))   // the client is on the top of the stack
 *
 * Threads: call these functions from the thread that runs `L`, as with Lua's own functions. Several
 * threads may use states of their own at the same time; the library needs no lock from the host.
 * Like Lua's functions, these raise Lua errors (for lack of memory, among others): call them under
 * lua_pcall. Unless stated otherwise, a function leaves the stack unchanged.
 *
 * The end: neither lua_close nor the collection of a client waits for an answer. A request on the
 * wire that must not be repeated is completed by the library's own thread, which writes its result
 * as a line on standard error. exit(), and a return from main, write a line for each request that
 * is still running, and then wait for them, for at most the client's option `drain`. _exit() and a
 * fatal signal do not. Before exit(), join every thread that is in a call of a client: otherwise
 * libcurl and TLS are shut down while it uses them, which can crash, and its requests are reported
 * but not waited for.
 *
 * Plugins: the first client installs the library's allocator in libcurl, and handlers of fork and
 * exit in the process. Therefore the shared object that contains the library stays loaded until the
 * process ends, even after dlclose. No linker flag is needed for that.
 *
 * Besides libcurl, libcrypto and zlib the library needs lua-cjson: either the host registers it as
 * package.preload.cjson before the first `require "oneflow"` (luaopen_cjson of a static
 * liblua5.4-cjson.a), or `require` finds it in package.cpath.
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

/* The C core as a Lua module, "oneflow.core". It is also the only symbol that the shared object
   exports. */
ONEFLOW_API int luaopen_oneflow_core(lua_State *L);

/* Registers the core and the Lua modules of the library in package.preload, from memory. Needs the
   standard library `package`. The sandbox (oneflow.testing), the command line and the editors'
   annotations are not in the static library: `require` finds them where the Lua files of the
   library are installed, and otherwise says so. */
ONEFLOW_API void oneflow_preload(lua_State *L);

typedef enum oneflow_token_reason {
    ONEFLOW_TOKEN_FIRST,  /* before the client's first call */
    ONEFLOW_TOKEN_REFUSED /* after a 401, once a call; if the token has changed, the call is
                             repeated */
} oneflow_token_reason;

/*
 * The host's callback for the API token. It writes the token to `bytes`, at most `size` bytes,
 * without a NUL, and returns the length; 0 when there is no token. The library owns `bytes`: it
 * copies the token to its own memory and wipes `bytes`. The token never becomes a Lua value.
 *
 * The callback is called by the thread that runs the client's state, during a call of the client.
 * It must return, and must not use a Lua state. If clients on several threads share a context, it
 * may be called by these threads at the same time.
 */
typedef size_t oneflow_token_callback(void *context, oneflow_token_reason reason, char *bytes,
                                      size_t size);

/*
 * Calls require("oneflow").client(options), with the token from the callback. The options are on
 * the top of the stack, without token, token_file and token_env, and are popped. Returns 1 and
 * pushes the client, or returns 0 and pushes the error object, for which luaL_tolstring gives one
 * line. Raises what oneflow.client raises. The host owns the context, which must stay valid until
 * the client or its state is closed. Scripts cannot reach the callback, the context or the token.
 */
ONEFLOW_API int oneflow_client(lua_State *L, oneflow_token_callback *ask, void *context);

#ifdef __cplusplus
}
#endif

#endif
