/*
 * Two threads, each of which runs one Lua state after the other, that make calls at the same time
 * through the static library.
 *
 *     threads BASE_URL TOKEN SCRIPT ROUNDS [unsearched]
 *
 * SCRIPT is run as script(client, thread, round), and returns how many calls it made. It may fork:
 * run_in_child(function) -> did the function return true, in a child process, within 20 s? The
 * callback returns the token, after a refusal with a number appended. Every block that a state
 * frees is searched for the token, unless `unsearched` is given: valgrind reports reads of
 * uninitialised bytes. At the end it prints a line of JSON.
 */
#define _GNU_SOURCE
#include "oneflow.h"

#include <lauxlib.h>
#include <lualib.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int luaopen_cjson(lua_State *L);

enum { THREADS = 2 };

static const char *base_url;
static const char *token;
static const char *script;
static int rounds;
static bool searched;

static atomic_long first_asked;
static atomic_long refused_asked;
static atomic_long blocks;
static atomic_long leaks;

static size_t ask_token(void *context, oneflow_token_reason reason, char *bytes, size_t size) {
    (void)context;
    long number = 0;
    if (reason == ONEFLOW_TOKEN_FIRST) {
        atomic_fetch_add(&first_asked, 1);
    } else {
        number = atomic_fetch_add(&refused_asked, 1) + 1;
    }
    int length = snprintf(bytes, size, number > 0 ? "%s-%ld" : "%s", token, number);
    return length > 0 ? (size_t)length : 0;
}

static void search(const void *block, size_t size) {
    if (!searched)
        return;
    atomic_fetch_add(&blocks, 1);
    if (memmem(block, size, token, strlen(token)) != NULL)
        atomic_fetch_add(&leaks, 1);
}

static void *allocate(void *context, void *block, size_t old_size, size_t size) {
    (void)context;
    void *fresh = NULL;
    if (size > 0) {
        fresh = calloc(1, size); /* zeroed: otherwise it may contain freed data */
        if (fresh == NULL)
            return NULL;
        if (block != NULL)
            memcpy(fresh, block, old_size < size ? old_size : size);
    }
    if (block != NULL) {
        search(block, old_size);
        free(block);
    }
    return fresh;
}

static int run_in_child(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        if (lua_pcall(L, 0, 1, 0) == 0)
            _exit(lua_toboolean(L, -1) ? 0 : 1);
        const char *text = lua_tostring(L, -1);
        fprintf(stderr, "in a child: %s\n", text != NULL ? text : "an error");
        _exit(1);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return luaL_error(L, "cannot fork");
    lua_pushboolean(L, status == 0);
    return 1;
}

typedef struct job {
    int thread;
    int round;
    lua_Integer calls;
} job;

static int run(lua_State *L) {
    job *j = lua_touserdata(L, 1);
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_cjson);
    lua_setfield(L, -2, "cjson");
    lua_settop(L, 0);
    lua_pushcfunction(L, run_in_child);
    lua_setglobal(L, "run_in_child");
    oneflow_preload(L);
    if (luaL_loadfile(L, script) != 0)
        return lua_error(L);
    lua_newtable(L);
    lua_pushstring(L, base_url);
    lua_setfield(L, -2, "base_url");
    lua_pushinteger(L, 60);
    lua_setfield(L, -2, "timeout");
    if (!oneflow_client(L, ask_token, NULL))
        return lua_error(L);
    lua_pushinteger(L, j->thread);
    lua_pushinteger(L, j->round);
    lua_call(L, 3, 1);
    j->calls += luaL_checkinteger(L, -1);
    return 0;
}

static void *work(void *context) {
    job *j = context;
    for (j->round = 1; j->round <= rounds; j->round++) {
        lua_State *L = lua_newstate(allocate, NULL);
        if (L == NULL)
            abort();
        lua_pushcfunction(L, run);
        lua_pushlightuserdata(L, j);
        if (lua_pcall(L, 1, 0, 0) != 0) {
            if (!luaL_callmeta(L, -1, "__tostring"))
                lua_pushvalue(L, -1);
            const char *text = lua_tostring(L, -1);
            fprintf(stderr, "thread %d: %s\n", j->thread, text != NULL ? text : "an error");
            exit(1);
        }
        lua_close(L);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 5)
        return 2;
    searched = argc == 5;
    base_url = argv[1];
    token = argv[2];
    script = argv[3];
    rounds = atoi(argv[4]);
    pthread_t threads[THREADS];
    job jobs[THREADS];
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){.thread = i + 1};
        if (pthread_create(&threads[i], NULL, work, &jobs[i]) != 0)
            abort();
    }
    lua_Integer calls = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        calls += jobs[i].calls;
    }
    printf("{\"calls\":%ld,\"first\":%ld,\"refused\":%ld,\"blocks\":%ld,\"leaks\":%ld}\n",
           (long)calls, atomic_load(&first_asked), atomic_load(&refused_asked),
           atomic_load(&blocks), atomic_load(&leaks));
    return 0;
}
