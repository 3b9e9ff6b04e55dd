/*
 * A C program that runs scripts which it does not trust: two Lua states on two threads, each with
 * an event loop, a cap on its memory and a limit on a script's instructions and time. A script gets
 * one view, and so acts as one user; the token stays in C.
 *
 *     make host && build/lua5.4/host BASE_URL TOKEN_FILE USER SCRIPT...
 *
 * The scripts are shared out between the two states, and run one after the other. Whatever a script
 * does, one line tells what became of it, and the next one is run.
 */
#define _GNU_SOURCE
#include "oneflow.h"

#include <lauxlib.h>
#include <lualib.h>
#ifdef LUA_JITLIBNAME
#include <luajit.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int luaopen_cjson(lua_State *L); /* linked into this program, see the Makefile */

enum {
    STATES = 2,
    INSTRUCTIONS_MAX = 20 * 1000 * 1000,
    INSTRUCTIONS_STEP = 1000, /* how often they are counted */
    SECONDS_MAX = 1,          /* of the processor: one instruction may fill megabytes */
    SCRIPT_MAX = 256 * 1024,
};

/* Bytes of one Lua state, the library in it included. HOST_MEMORY in the environment is another
 * number. */
static size_t memory_max = 12 * 1024 * 1024;

/* One state with all that is its own. Used by its thread alone, but for the event descriptor. */
typedef struct worker {
    pthread_t thread;
    const char *base_url;
    const char *token_file;
    const char *user;
    char **scripts; /* every STATES-th of them is this worker's */
    int script_count;
    int next;
    int number;

    int epoll;
    int orders; /* an eventfd: how many scripts to run */
    int clock;  /* a timerfd: that the loop goes on */
    unsigned long ticks;

    lua_State *L;
    size_t memory;
    size_t memory_peak;
    long instructions; /* left for the script that runs */
    double until;      /* when its processor time is over */
    bool over;         /* it has used up one of the two */

    bool started;
    bool failed;
    char text[SCRIPT_MAX]; /* the script that runs */
    size_t length;
    const char *name;
} worker;

/* ---- limits ------------------------------------------------------------------------------- */

static void *allocate(void *context, void *block, size_t old_size, size_t size) {
    worker *w = context;
    if (block == NULL)
        old_size = 0; /* then it says what the block is for */
    if (size == 0) {
        free(block);
        w->memory -= old_size;
        return NULL;
    }
    /* A script whose time is up gets nothing more: each coroutine that it could still make would
       have some instructions of its own. */
    bool no = w->memory - old_size + size > memory_max || w->over;
    void *fresh = size > old_size && no ? NULL : realloc(block, size);
    if (fresh == NULL)
        return NULL;
    w->memory = w->memory - old_size + size;
    if (w->memory > w->memory_peak)
        w->memory_peak = w->memory;
    return fresh;
}

static double processor_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Coroutines inherit the hook. A script may catch the error: then the next instruction gets it
 * again. */
static void on_instructions(lua_State *L, lua_Debug *where) {
    (void)where;
    void *context;
    (void)lua_getallocf(L, &context);
    worker *w = context;
    w->instructions -= INSTRUCTIONS_STEP;
    w->over = w->over || w->instructions < 0 || processor_seconds() > w->until;
    if (w->over) {
        lua_sethook(L, on_instructions, LUA_MASKCOUNT, 1);
        luaL_error(L, "the script runs for too long");
    }
}

static void limit(worker *w, bool on) {
    w->over = false;
    w->instructions = INSTRUCTIONS_MAX;
    w->until = processor_seconds() + SECONDS_MAX;
    lua_sethook(w->L, on ? on_instructions : NULL, on ? LUA_MASKCOUNT : 0, INSTRUCTIONS_STEP);
}

/* ---- the token ---------------------------------------------------------------------------- */

/* Here from a file, read anew each time it is asked for; elsewhere from a key store. Both threads
   may be in it at once. read() rather than stdio, whose buffer would keep a copy. */
static size_t ask_token(void *context, oneflow_token_reason reason, char *bytes, size_t size) {
    worker *w = context;
    (void)reason;
    int fd = open(w->token_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, bytes, size);
    close(fd);
    while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
        length--;
    return length > 0 ? (size_t)length : 0;
}

/* ---- what runs in Lua: all of it under lua_pcall -------------------------------------------- */

/* A string, also for what is none; under protection too: an object's __tostring runs what the
   script left of the object. */
static int to_text(lua_State *L) {
    if (luaL_callmeta(L, 1, "__tostring"))
        return 1;
    switch (lua_type(L, 1)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
        (void)lua_tostring(L, 1); /* makes a string of the number */
        lua_settop(L, 1);
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, 1) ? "true" : "false");
        break;
    default:
        lua_pushfstring(L, "(a %s)", luaL_typename(L, 1));
    }
    return 1;
}

/* print(...) of the scripts: a line on standard output, with the script's name before it */
static int print(lua_State *L) {
    const worker *w = lua_touserdata(L, lua_upvalueindex(1));
    int count = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    luaL_addstring(&line, w->name);
    luaL_addstring(&line, "| ");
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&line, '\t');
        lua_pushcfunction(L, to_text);
        lua_pushvalue(L, i);
        lua_call(L, 1, 1);
        luaL_addvalue(&line);
    }
    luaL_addchar(&line, '\n');
    luaL_pushresult(&line);
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    if (text != NULL)
        fwrite(text, 1, length, stdout); /* stdio locks for one call: lines stay whole */
    return 0;
}

/* Given the client and the user: a function that loads a script which can reach the view and
 * `print`. */
static const char SETUP[] =
    "local client, user, print = ...\n"
    "local limited = require 'oneflow.limited'\n"
    "local view = assert(client:user(user))\n"
    "return function(text, name)\n"
    "  local run, message = limited.load(text, name, { view = view, print = print })\n"
    "  return run or error(message, 0)\n"
    "end\n";

static void set_option(lua_State *L, const char *name, const char *text) {
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

/* run(loader, worker): the script that the worker has read */
static int run(lua_State *L) {
    const worker *w = lua_touserdata(L, 2);
    lua_pushvalue(L, 1);
    lua_pushlstring(L, w->text, w->length);
    lua_pushstring(L, w->name);
    lua_call(L, 2, 1);
    lua_call(L, 0, 0);
    return 0;
}

static int collect(lua_State *L) {
    lua_gc(L, LUA_GCCOLLECT, 0);
    return 0;
}

/* What stays on the stack: outside of lua_pcall nothing may need memory, not even a new C function.
 */
enum { LOADER = 1, RUN, TO_TEXT, COLLECT };

/* setup(worker) -> what stays on the stack */
static int setup(lua_State *L) {
    worker *w = lua_touserdata(L, 1);
    luaL_openlibs(L);
#ifdef LUAJIT_VERSION
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF); /* compiled code calls no hook */
#endif
    lua_getglobal(L, "package");
    set_option(L, "path", ""); /* nothing comes from a file */
    set_option(L, "cpath", "");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_cjson);
    lua_setfield(L, -2, "cjson");
    lua_pop(L, 2);
    oneflow_preload(L);

    if (luaL_loadbuffer(L, SETUP, sizeof SETUP - 1, "=setup") != 0)
        return lua_error(L);
    lua_newtable(L);
    set_option(L, "base_url", w->base_url);
    set_option(L, "app", "host/1.0");
    lua_pushinteger(
        L, 10); /* seconds that one call may take: the hook sees no instruction meanwhile */
    lua_setfield(L, -2, "timeout");
    lua_pushinteger(L, 1024 * 1024); /* of an answer: its bytes are not Lua's until it is whole */
    lua_setfield(L, -2, "max_body");
    if (!oneflow_client(L, ask_token, w))
        return lua_error(L);
    lua_pushstring(L, w->user);
    lua_pushlightuserdata(L, w);
    lua_pushcclosure(L, print, 1);
    lua_call(L, 3, 1);
    lua_pushcfunction(L, run);
    lua_pushcfunction(L, to_text);
    lua_pushcfunction(L, collect);
    return 4;
}

/* The text of the error on the top of the stack. */
static const char *describe(lua_State *L) {
    lua_pushvalue(L, TO_TEXT);
    lua_insert(L, -2);
    if (lua_pcall(L, 1, 1, 0) != 0 || lua_type(L, -1) != LUA_TSTRING)
        return "an error that cannot be shown";
    return lua_tostring(L, -1);
}

/* ---- scripts ------------------------------------------------------------------------------ */

static bool read_script(worker *w, const char *path) {
    const char *slash = strrchr(path, '/');
    w->name = slash != NULL ? slash + 1 : path;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    w->length = fread(w->text, 1, sizeof w->text, file);
    return fclose(file) == 0;
}

static void run_script(worker *w, const char *path) {
    lua_State *L = w->L;
    if (!read_script(w, path)) {
        printf("%s: cannot be read\n", w->name);
        return;
    }
    limit(w, true);
    lua_pushvalue(L, RUN);
    lua_pushvalue(L, LOADER);
    lua_pushlightuserdata(L, w);
    int status = lua_pcall(L, 2, 0, 0);
    if (w->over) {
        printf("%s: stopped, ran for too long\n", w->name);
    } else if (status == LUA_ERRMEM) {
        printf("%s: stopped, not enough memory\n", w->name);
    } else if (status != 0) {
        printf("%s: error: %s\n", w->name, describe(L));
    } else {
        printf("%s: ok\n", w->name);
    }
    fflush(stdout);
    lua_settop(L, COLLECT);
    limit(w, false);
    lua_pushvalue(L, COLLECT);
    if (lua_pcall(L, 0, 0, 0) != 0)
        lua_settop(L, COLLECT);
}

/* ---- the event loop ------------------------------------------------------------------------- */

static void watch(worker *w, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        w->failed = true;
}

/* Runs the worker's scripts as orders for them come in. A call of a script blocks this loop, and no
   other thread, until it is answered or out of time. */
static void serve(worker *w) {
    while (w->next < w->script_count && !w->failed) {
        struct epoll_event events[4];
        int count = epoll_wait(w->epoll, events, 4, -1);
        if (count < 0 && errno != EINTR)
            w->failed = true;
        for (int i = 0; i < count; i++) {
            uint64_t number = 0;
            int fd = events[i].data.fd;
            if (read(fd, &number, sizeof number) != sizeof number)
                continue;
            if (fd == w->clock) {
                w->ticks += number;
            } else {
                run_script(w, w->scripts[w->next]);
                w->next += STATES;
            }
        }
    }
}

/* ---- workers ------------------------------------------------------------------------------ */

static void *work(void *context) {
    worker *w = context;
    w->L = lua_newstate(allocate, w);
    if (w->L == NULL) {
        w->failed = true;
        return NULL;
    }
    limit(w, false);
    lua_pushcfunction(w->L, setup);
    lua_pushlightuserdata(w->L, w);
    if (lua_pcall(w->L, 1, LUA_MULTRET, 0) != 0) {
        lua_settop(w->L, COLLECT);
        lua_pushcfunction(w->L, to_text);
        lua_replace(w->L, TO_TEXT);
        lua_pushvalue(w->L, 1); /* the error */
        printf("state %d: %s\n", w->number, describe(w->L));
        w->failed = true;
    } else {
        serve(w);
    }
    lua_close(w->L);
    return NULL;
}

static bool start(worker *w) {
    struct itimerspec every = {.it_value.tv_nsec = 10 * 1000 * 1000,
                               .it_interval.tv_nsec = 10 * 1000 * 1000};
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->orders = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE | EFD_NONBLOCK);
    w->clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    watch(w, w->orders);
    watch(w, w->clock);
    w->started = !w->failed && timerfd_settime(w->clock, 0, &every, NULL) == 0 &&
                 pthread_create(&w->thread, NULL, work, w) == 0;
    return w->started;
}

static void order(worker *w, uint64_t scripts) {
    if (scripts > 0 && write(w->orders, &scripts, sizeof scripts) != sizeof scripts)
        abort();
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: %s BASE_URL TOKEN_FILE USER SCRIPT...\n", argv[0]);
        return 2;
    }
    const char *memory = getenv("HOST_MEMORY");
    if (memory != NULL)
        memory_max = strtoul(memory, NULL, 10);
    static worker workers[STATES];
    bool good = true;
    for (int i = 0; i < STATES && good; i++) {
        worker *w = &workers[i];
        w->number = i + 1;
        w->base_url = argv[1];
        w->token_file = argv[2];
        w->user = argv[3];
        w->scripts = argv + 4;
        w->script_count = argc - 4;
        w->next = i;
        good = start(w);
        if (good)
            order(w, (uint64_t)((argc - 4 - i + STATES - 1) / STATES));
    }
    for (int i = 0; i < STATES && workers[i].started; i++) {
        worker *w = &workers[i];
        pthread_join(w->thread, NULL);
        good = good && !w->failed;
        printf("state %d: %s, %zu bytes at most of %zu, %zu left, %lu ticks\n", w->number,
               w->failed ? "failed" : "went on to the end", w->memory_peak, memory_max, w->memory,
               w->ticks);
        close(w->orders);
        close(w->clock);
        close(w->epoll);
    }
    return good ? 0 : 1;
}
