/*
 * Preloaded into the process of a spec: makes a function of libcurl's multi interface fail once,
 * with a given code and without effect. CURL_VERSION_NUM=080102 makes libcurl report that version.
 * Counts easy handles. The process can use this file as a Lua module, too.
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <dlfcn.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { ADD, REMOVE, ACTION, TIMEOUT, PAUSE, COUNT, VERSION = COUNT, INIT, ALL };

static const char *const names[] = {"curl_multi_add_handle",    "curl_multi_remove_handle",
                                    "curl_multi_socket_action", "curl_multi_timeout",
                                    "curl_easy_pause",          "curl_version_info",
                                    "curl_easy_init",           NULL};
static void *reals[ALL];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static atomic_int which = COUNT; /* the function that fails next; COUNT: none */
static int code;
static atomic_long handles;

static void find_reals(void) {
    for (int i = 0; i < ALL; i++)
        reals[i] = dlsym(RTLD_NEXT, names[i]);
}

static int fails(int function) {
    pthread_once(&once, find_reals);
    return atomic_compare_exchange_strong(&which, &function, COUNT);
}

typedef CURLMcode on_handle(CURLM *multi, CURL *easy);
typedef CURLMcode on_socket(CURLM *multi, curl_socket_t fd, int events, int *running);
typedef CURLMcode on_time(CURLM *multi, long *milliseconds);
typedef CURLcode on_easy(CURL *easy, int mask);
typedef curl_version_info_data *on_version(CURLversion age);
typedef CURL *on_init(void);

/* The real function that this one replaces, with its type. */
#define REAL(function, type) (*(type **)(void *)&reals[function])

CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy) {
    return fails(ADD) ? (CURLMcode)code : REAL(ADD, on_handle)(multi, easy);
}

/* The handle is removed nevertheless: it is freed after this call. */
CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *easy) {
    int failed = fails(REMOVE);
    CURLMcode good = REAL(REMOVE, on_handle)(multi, easy);
    return failed ? (CURLMcode)code : good;
}

CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int events, int *running) {
    return fails(ACTION) ? (CURLMcode)code : REAL(ACTION, on_socket)(multi, fd, events, running);
}

CURLMcode curl_multi_timeout(CURLM *multi, long *milliseconds) {
    return fails(TIMEOUT) ? (CURLMcode)code : REAL(TIMEOUT, on_time)(multi, milliseconds);
}

CURLcode curl_easy_pause(CURL *easy, int mask) {
    return fails(PAUSE) ? (CURLcode)code : REAL(PAUSE, on_easy)(easy, mask);
}

curl_version_info_data *curl_version_info(CURLversion age) {
    static curl_version_info_data told;
    pthread_once(&once, find_reals);
    told = *REAL(VERSION, on_version)(age);
    const char *number = getenv("CURL_VERSION_NUM");
    if (number != NULL)
        told.version_num = (unsigned)strtoul(number, NULL, 16);
    return &told;
}

CURL *curl_easy_init(void) {
    pthread_once(&once, find_reals);
    atomic_fetch_add(&handles, 1);
    return REAL(INIT, on_init)();
}

/* handles() -> the number of easy handles made */
static int l_handles(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)atomic_load(&handles));
    return 1;
}

/* fail(name, code): makes the next call of that function fail */
static int l_fail(lua_State *L) {
    code = (int)luaL_checkinteger(L, 2);
    atomic_store(&which, luaL_checkoption(L, 1, NULL, names));
    return 0;
}

/* failed() -> has it failed? */
static int l_failed(lua_State *L) {
    lua_pushboolean(L, atomic_load(&which) == COUNT);
    return 1;
}

int luaopen_failing_curl(lua_State *L);

int luaopen_failing_curl(lua_State *L) {
    lua_newtable(L);
    lua_pushcfunction(L, l_fail);
    lua_setfield(L, -2, "fail");
    lua_pushcfunction(L, l_failed);
    lua_setfield(L, -2, "failed");
    lua_pushcfunction(L, l_handles);
    lua_setfield(L, -2, "handles");
    return 1;
}
