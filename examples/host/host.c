/*
 * A C program that runs untrusted scripts. It has two Lua states in two processes, each with an
 * event loop, a limit on memory, and limits on the instructions and the time of a script. A script
 * gets one user object, so all its calls run as that user; the token stays in C.
 *
 *     make host && build/lua5.4/host BASE_URL TOKEN_FILE USER SCRIPT...
 *
 * The scripts are divided among the two states and run one after the other. Whatever a script does,
 * one line reports its result, and the next one runs.
 *
 * A hook in Lua ends a script that runs too long, and its state continues. But no hook is called
 * inside of a C function, some of which a script can keep busy for ever (a pattern, table.move);
 * and a script can crash LuaJIT by recursion through C functions. So a worker is a process. A
 * system timer ends it when its script has used one and a half times its processor time; the
 * supervisor reports that, and starts another worker for the remaining scripts. A call on the wire
 * would end with the process, but normally no script runs while it waits for a call. The exception
 * is an upload whose progress function computes: its result would be lost.
 *
 * A script runs in a gatherer of the library. When it calls the service, the library's I/O thread
 * carries the request, the script yields, and the worker returns to its event loop. The loop
 * watches the gatherer's descriptor with its own; when it is readable, the gatherer's `poll`
 * resumes the script. A script cannot yield in a coroutine that it made itself or inside of a C
 * function such as table.sort, and not during a download to a function: such a call blocks the
 * loop.
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
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int luaopen_cjson(lua_State *L); /* linked into this program, see the Makefile */

enum {
    STATES = 2,
    INSTRUCTIONS_MAX = 20 * 1000 * 1000,
    INSTRUCTIONS_STEP = 1000, /* how many are counted at a time */
    SCRIPT_MAX = 256 * 1024,
};

/* Bytes of one Lua state, including the library; and seconds of processor time, because one
   instruction can fill megabytes. HOST_MEMORY and HOST_SECONDS in the environment override them. */
static size_t memory_max = 12 * 1024 * 1024;
static double seconds_max = 1;

/* A file that is locked while a line is written. */
static int lines = -1;

/* One state and what belongs to it, in memory that its process shares with the supervisor. The
   supervisor reads it only after that process has ended. */
typedef struct worker {
    pid_t process;
    const char *base_url;
    const char *token_file;
    const char *user;
    char **scripts; /* every STATES-th one is for this worker */
    int script_count;
    int next;
    int number;

    int epoll;
    int orders;  /* an eventfd: how many scripts to run */
    int clock;   /* a timerfd: shows that the loop keeps running */
    int answers; /* readable when the waiting script can continue; -1: none waits */
    uint64_t ordered;
    unsigned long ticks;
    unsigned long ticks_waiting; /* those while a script waited */

    lua_State *L; /* only in the worker's process */
    size_t memory;
    size_t memory_peak;
    long instructions; /* left for the running script */
    double seconds;    /* processor time left for it */
    double until;      /* processor time at which they are used up, while it runs */
    bool over;         /* one of the two limits was reached */
    bool in_script;    /* a script has begun and not ended */

    bool ended;
    bool failed;
    char text[SCRIPT_MAX]; /* the running script */
    size_t length;
    const char *name;
    char became[1024]; /* its result; empty while it runs or waits */
} worker;

/* ---- limits ------------------------------------------------------------------------------- */

static void *allocate(void *context, void *block, size_t old_size, size_t size) {
    worker *w = context;
    if (block == NULL)
        old_size = 0; /* Lua passes the kind of object instead */
    if (size == 0) {
        free(block);
        w->memory -= old_size;
        return NULL;
    }
    /* A script that is over its limit gets no more memory: each new coroutine would get some
       instructions of its own. */
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

/* Coroutines inherit the hook: those of the script from the gatherer's coroutine, and that one from
   the state. If a script catches the error, its next instruction raises it again. */
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

/* Ends the process after this much more processor time. 0: never. */
static void end_process_after(double seconds) {
    struct itimerval timer = {.it_value.tv_sec = (time_t)seconds};
    timer.it_value.tv_usec = (suseconds_t)((seconds - (double)timer.it_value.tv_sec) * 1e6);
    if (setitimer(ITIMER_PROF, &timer, NULL) != 0)
        abort();
}

/* Limits a whole script: what it has used is not given back when it resumes. */
static void limit(worker *w, bool on) {
    w->over = false;
    w->instructions = INSTRUCTIONS_MAX;
    w->seconds = seconds_max;
    lua_sethook(w->L, on ? on_instructions : NULL, on ? LUA_MASKCOUNT : 0, INSTRUCTIONS_STEP);
}

/* ---- the token ---------------------------------------------------------------------------- */

/* Reads the token from a file each time; a real host would use a key store. Uses read(), because
   the buffer of stdio would keep a copy. */
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

/* Makes a string of any value. Call it in protected mode: the __tostring of an object may run code
   of the script. */
static int to_text(lua_State *L) {
    if (luaL_callmeta(L, 1, "__tostring"))
        return 1;
    switch (lua_type(L, 1)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
        (void)lua_tostring(L, 1); /* converts the number in place */
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

/* Writes a line in one piece, even if the other process writes one. The lock is released if a
   process ends. */
static void write_line(const char *text, size_t length) {
    bool locked = lockf(lines, F_LOCK, 0) == 0;
    fwrite(text, 1, length, stdout);
    fflush(stdout);
    if (locked && lockf(lines, F_ULOCK, 0) != 0)
        abort();
}

/* print(...) for scripts: writes a line to standard output that begins with the script's name */
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
        write_line(text, length);
    return 0;
}

/* script() -> text and name of the script that the worker has loaded */
static int script(lua_State *L) {
    const worker *w = lua_touserdata(L, lua_upvalueindex(1));
    lua_pushlstring(L, w->text, w->length);
    lua_pushstring(L, w->name);
    return 2;
}

static void become(worker *w, const char *text) {
    snprintf(w->became, sizeof w->became, "%s", text);
}

/* note(good, err): stores the script's result. Called by the script's task and within its limits,
   because the error may be an object whose __tostring never ends. */
static int note(lua_State *L) {
    worker *w = lua_touserdata(L, lua_upvalueindex(1));
    if (lua_toboolean(L, 1)) {
        become(w, "ok");
        return 0;
    }
    if (lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "not enough memory") == 0) {
        become(w, "stopped, not enough memory"); /* pcall does not say more */
        return 0;
    }
    become(w, "error: an error that cannot be shown"); /* in case the conversion raises */
    lua_pushcfunction(L, to_text);
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
    if (lua_type(L, -1) == LUA_TSTRING)
        snprintf(w->became, sizeof w->became, "error: %s", lua_tostring(L, -1));
    return 0;
}

/* A chunk that gets the client, the user's e-mail address and the functions above. It returns a
   function that starts the script; that one returns the descriptor to watch, and the function to
   call when it is readable. Each script has its own gatherer, so nothing of a stopped script
   remains for the next one: no task, and no prefetched page. */
static const char SETUP[] =
    "local client, email, script, print, note = ...\n"
    "local oneflow, limited = require 'oneflow', require 'oneflow.limited'\n"
    "local user = assert(client:user(email))\n"
    "\n"
    "local function run()\n"
    "  local text, name = script()\n"
    "  local start, message = limited.load(text, name, { user = user, print = print })\n"
    "  if not start then error(message, 0) end\n"
    "  start()\n"
    "end\n"
    "local function task() note(pcall(run)) end\n"
    "\n"
    "return function()\n"
    "  local gatherer = oneflow.gatherer()\n"
    "  local fd = gatherer:fd() or error('no descriptor to be had', 0)\n"
    "  gatherer:add(task)\n"
    "  return fd, function() gatherer:poll(0) end\n"
    "end\n";

static void set_option(lua_State *L, const char *name, const char *text) {
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static int collect(lua_State *L) {
    lua_gc(L, LUA_GCCOLLECT, 0);
    return 0;
}

static void push_function(lua_State *L, lua_CFunction function, worker *w) {
    lua_pushlightuserdata(L, w);
    lua_pushcclosure(L, function, 1);
}

/* The indices of values that stay on the stack, the last two while a script waits. Outside of
   lua_pcall nothing may allocate, not even a new C function. */
enum { TO_TEXT = 1, BEGIN, NOTE, COLLECT, ANSWERS, POLL };

/* setup(worker) -> the values that stay on the stack, except TO_TEXT */
static int setup(lua_State *L) {
    worker *w = lua_touserdata(L, 1);
    luaL_openlibs(L);
#ifdef LUAJIT_VERSION
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF); /* compiled code calls no hook */
#endif
    lua_getglobal(L, "package");
    set_option(L, "path", ""); /* loads nothing from files */
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
    lua_pushinteger(L, 10); /* seconds for one call: the limits do not count waiting */
    lua_setfield(L, -2, "timeout");
    lua_pushinteger(
        L, 1024 * 1024); /* maximum answer: its bytes do not count as Lua's until it is complete */
    lua_setfield(L, -2, "max_body");
    if (!oneflow_client(L, ask_token, w))
        return lua_error(L);
    lua_pushstring(L, w->user);
    push_function(L, script, w);
    push_function(L, print, w);
    push_function(L, note, w);
    lua_call(L, 5, 1);
    push_function(L, note, w);
    lua_pushcfunction(L, collect);
    return 3;
}

/* ---- scripts ------------------------------------------------------------------------------ */

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool read_script(worker *w, const char *path) {
    w->name = name_of(path);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    w->length = fread(w->text, 1, sizeof w->text, file);
    return fclose(file) == 0;
}

static void watch(worker *w, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        w->failed = true;
}

/* Calls the function on the top of the stack, which runs the script until it ends or waits -> has
   it ended? The loop's own processor time is not charged to the script. */
static bool run(worker *w, int results) {
    lua_State *L = w->L;
    w->until = processor_seconds() + w->seconds;
    end_process_after((w->seconds > 0 ? w->seconds : 0) + seconds_max / 2);
    int status = lua_pcall(L, 0, results, 0);
    if (status != 0 && *w->became == '\0') { /* an error of the gatherer, not of the script */
        become(w, "error: an error that cannot be shown");
        lua_pushvalue(L, NOTE);
        lua_pushnil(L);
        lua_pushvalue(L, -3);
        (void)lua_pcall(L, 2, 0, 0);
    }
    end_process_after(0);
    w->seconds = w->until - processor_seconds();
    if (w->over)
        become(w, "stopped, ran for too long");
    return *w->became != '\0';
}

static void tell_end(const char *name, const char *became) {
    char line[sizeof((worker *)NULL)->became + 300];
    int length = snprintf(line, sizeof line, "%.250s: %s\n", name, became);
    write_line(line, (size_t)length);
}

/* Collecting its gatherer cancels the calls that it still waits for. */
static void end_script(worker *w) {
    tell_end(w->name, w->became);
    w->in_script = false;
    if (w->answers >= 0 && epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->answers, NULL) != 0)
        w->failed = true;
    w->answers = -1;
    w->next += STATES;
    lua_settop(w->L, COLLECT);
    limit(w, false);
    lua_pushvalue(w->L, COLLECT);
    if (lua_pcall(w->L, 0, 0, 0) != 0)
        lua_settop(w->L, COLLECT);
}

static void begin_script(worker *w) {
    w->ordered--;
    *w->became = '\0';
    w->in_script = true;
    if (!read_script(w, w->scripts[w->next])) {
        become(w, "cannot be read");
        end_script(w);
        return;
    }
    limit(w, true);
    lua_pushvalue(w->L, BEGIN);
    if (run(w, 2)) {
        end_script(w);
        return;
    }
    w->answers = (int)lua_tointeger(w->L, ANSWERS);
    watch(w, w->answers);
}

static void go_on(worker *w) {
    lua_pushvalue(w->L, POLL);
    if (run(w, 0))
        end_script(w);
}

/* ---- the event loop ------------------------------------------------------------------------- */

static void on_readable(worker *w, int fd) {
    uint64_t number = 0;
    if (fd == w->answers) {
        go_on(w);
    } else if (read(fd, &number, sizeof number) != sizeof number) {
        return;
    } else if (fd == w->orders) {
        w->ordered += number;
    } else {
        w->ticks += number;
        if (w->answers >= 0)
            w->ticks_waiting += number;
    }
}

/* Runs the worker's scripts when orders for them arrive, one after the other, because the limits
   apply to one script. Between scripts, and while one waits, the loop does its other work. */
static void serve(worker *w) {
    while (w->next < w->script_count && !w->failed) {
        bool begin = w->ordered > 0 && w->answers < 0;
        struct epoll_event events[4];
        int count = epoll_wait(w->epoll, events, 4, begin ? 0 : -1);
        if (count < 0 && errno != EINTR)
            w->failed = true;
        for (int i = 0; i < count; i++)
            on_readable(w, events[i].data.fd);
        if (begin)
            begin_script(w);
    }
}

/* ---- workers ------------------------------------------------------------------------------ */

/* The main function of a worker's process: runs its scripts to the last, unless one ends the
   process. */
static void work(worker *w) {
    struct itimerspec every = {.it_value.tv_nsec = 10 * 1000 * 1000,
                               .it_interval.tv_nsec = 10 * 1000 * 1000};
    w->answers = -1; /* the previous process may have ended at any point */
    w->memory = 0;
    w->over = false;
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    watch(w, w->orders);
    watch(w, w->clock);
    w->L = lua_newstate(allocate, w);
    if (w->failed || timerfd_settime(w->clock, 0, &every, NULL) != 0 || w->L == NULL) {
        w->failed = true;
        return;
    }
    limit(w, false);
    lua_pushcfunction(w->L, to_text);
    lua_pushcfunction(w->L, setup);
    lua_pushlightuserdata(w->L, w);
    if (lua_pcall(w->L, 1, LUA_MULTRET, 0) != 0) {
        bool shown = lua_pcall(w->L, 1, 1, 0) == 0 && lua_type(w->L, TO_TEXT) == LUA_TSTRING;
        printf("state %d: %s\n", w->number,
               shown ? lua_tostring(w->L, TO_TEXT) : "cannot be set up");
        w->failed = true;
    } else {
        serve(w);
    }
    lua_close(w->L);
}

static void start(worker *w) {
    fflush(stdout);
    w->in_script = false;
    pid_t process = fork();
    if (process == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) /* a worker ends with its supervisor */
            work(w);
        exit(w->failed || w->next < w->script_count);
    }
    w->process = process;
    if (process < 0)
        w->ended = w->failed = true;
}

static void order(worker *w, uint64_t scripts) {
    if (scripts > 0 && write(w->orders, &scripts, sizeof scripts) != sizeof scripts)
        abort();
}

/* A worker's process has ended, because all its scripts were run, or because one of them ended
   it. */
static void on_end(worker *w, int status) {
    bool by_script = WIFSIGNALED(status) && w->in_script;
    if (by_script) {
        char became[64] = "stopped, ran for too long";
        if (WTERMSIG(status) != SIGPROF)
            snprintf(became, sizeof became, "stopped, its process crashed (signal %d)",
                     WTERMSIG(status));
        tell_end(name_of(w->scripts[w->next]), became);
        w->next += STATES;
        w->memory = 0;
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        w->failed = true;
    }
    if (by_script && w->next < w->script_count) {
        start(w);
    } else {
        w->ended = true;
    }
}

static void supervise(worker *workers) {
    for (int left = STATES; left > 0;) {
        int status;
        pid_t process = waitpid(-1, &status, 0);
        if (process < 0 && errno != EINTR)
            abort();
        left = 0;
        for (int i = 0; i < STATES; i++) {
            if (!workers[i].ended && workers[i].process == process)
                on_end(&workers[i], status);
            left += !workers[i].ended;
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: %s BASE_URL TOKEN_FILE USER SCRIPT...\n", argv[0]);
        return 2;
    }
    const char *memory = getenv("HOST_MEMORY");
    if (memory != NULL)
        memory_max = strtoul(memory, NULL, 10);
    const char *seconds = getenv("HOST_SECONDS");
    if (seconds != NULL)
        seconds_max = strtod(seconds, NULL);
    lines = memfd_create("lines", MFD_CLOEXEC);
    worker *workers = mmap(NULL, STATES * sizeof *workers, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (lines < 0 || workers == MAP_FAILED) {
        perror(argv[0]);
        return 1;
    }
    for (int i = 0; i < STATES; i++) {
        worker *w = &workers[i];
        w->number = i + 1;
        w->base_url = argv[1];
        w->token_file = argv[2];
        w->user = argv[3];
        w->scripts = argv + 4;
        w->script_count = argc - 4;
        w->next = i;
        w->orders = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        order(w, (uint64_t)((argc - 4 - i + STATES - 1) / STATES));
        start(w);
    }
    supervise(workers);
    bool good = true;
    for (int i = 0; i < STATES; i++) {
        worker *w = &workers[i];
        good = good && !w->failed;
        printf("state %d: %s, %zu bytes at most of %zu, %zu left, %lu ticks, %lu of them while a "
               "script waited\n",
               w->number, w->failed ? "failed" : "went on to the end", w->memory_peak, memory_max,
               w->memory, w->ticks, w->ticks_waiting);
    }
    return good ? 0 : 1;
}
