/* Functions of the system that specs need and Lua does not have. Linux, blocking, no state. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

static int result(lua_State *L, intmax_t value) {
    if (value < 0)
        return luaL_error(L, "%s", strerror(errno));
    lua_pushinteger(L, (lua_Integer)value);
    return 1;
}

static int l_fork(lua_State *L) { return result(L, fork()); }

static int l_getpid(lua_State *L) { return result(L, getpid()); }

static int l_exit(lua_State *L) { _exit((int)luaL_optinteger(L, 1, 0)); }

/* wait(pid) -> "exited" | "signaled", number */
static int l_wait(lua_State *L) {
    int status = 0;
    pid_t pid = (pid_t)luaL_checkinteger(L, 1);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return luaL_error(L, "%s", strerror(errno));
    lua_pushstring(L, WIFEXITED(status) ? "exited" : "signaled");
    lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    return 2;
}

static int l_alarm(lua_State *L) { return result(L, alarm((unsigned)luaL_checkinteger(L, 1))); }

/* kill(pid, signal) */
static int l_kill(lua_State *L) {
    return result(L, kill((pid_t)luaL_checkinteger(L, 1), (int)luaL_checkinteger(L, 2)));
}

static int l_pipe(lua_State *L) {
    int fds[2];
    if (pipe(fds) != 0)
        return luaL_error(L, "%s", strerror(errno));
    lua_pushinteger(L, fds[0]);
    lua_pushinteger(L, fds[1]);
    return 2;
}

static int l_close(lua_State *L) { return result(L, close((int)luaL_checkinteger(L, 1))); }

/* read(fd) -> bytes, "" at the end */
static int l_read(lua_State *L) {
    char buffer[4096];
    ssize_t n;
    do
        n = read((int)luaL_checkinteger(L, 1), buffer, sizeof buffer);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return luaL_error(L, "%s", strerror(errno));
    lua_pushlstring(L, buffer, (size_t)n);
    return 1;
}

static int l_write(lua_State *L) {
    size_t length;
    const char *bytes = luaL_checklstring(L, 2, &length);
    return result(L, write((int)luaL_checkinteger(L, 1), bytes, length));
}

static int l_setenv(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    return result(L,
                  lua_isnoneornil(L, 2) ? unsetenv(name) : setenv(name, luaL_checkstring(L, 2), 1));
}

/* rss() -> resident memory of this process in bytes */
static int l_rss(lua_State *L) {
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm == NULL || fscanf(statm, "%*s %ld", &pages) != 1)
        return luaL_error(L, "/proc/self/statm cannot be read");
    fclose(statm);
    return result(L, (intmax_t)pages * sysconf(_SC_PAGESIZE));
}

/* allocated() -> bytes allocated from malloc's first arena, which the forking thread and a forked
   child use */
static int l_allocated(lua_State *L) { return result(L, (intmax_t)mallinfo2().uordblks); }

/* fds() -> number of open descriptors (the one that counts is not counted) */
static int l_fds(lua_State *L) {
    intmax_t count = -1;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return luaL_error(L, "/proc/self/fd cannot be read");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return result(L, count);
}

/* linger(fd): makes close() reset the connection */
static int l_linger(lua_State *L) {
    struct linger reset = {1, 0};
    return result(
        L, setsockopt((int)luaL_checkinteger(L, 1), SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
}

/* listen(fd, backlog): changes the backlog of a listening socket */
static int l_listen(lua_State *L) {
    return result(L, listen((int)luaL_checkinteger(L, 1), (int)luaL_checkinteger(L, 2)));
}

/* count(pid, needle) -> how many times the needle occurs in the readable memory of a process */
static int l_count(lua_State *L) {
    size_t length;
    const long pid = (long)luaL_checkinteger(L, 1);
    const char *needle = luaL_checklstring(L, 2, &length);
    char path[64], line[512];
    intmax_t found = 0;
    FILE *maps;
    int memory;
    snprintf(path, sizeof path, "/proc/%ld/mem", pid);
    memory = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%ld/maps", pid);
    maps = fopen(path, "r");
    if (memory < 0 || maps == NULL)
        return luaL_error(L, "%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, maps) != NULL) {
        uintmax_t from, to;
        char mode[5];
        char *bytes;
        ssize_t got;
        if (sscanf(line, "%jx-%jx %4s", &from, &to, mode) != 3 || mode[0] != 'r')
            continue;
        bytes = malloc((size_t)(to - from));
        if (bytes == NULL)
            return luaL_error(L, "memory");
        got = pread(memory, bytes, (size_t)(to - from), (off_t)from);
        if (got > 0) {
            const char *at = bytes, *end = bytes + got;
            while ((at = memmem(at, (size_t)(end - at), needle, length)) != NULL) {
                found++;
                at++;
            }
        }
        free(bytes);
    }
    fclose(maps);
    close(memory);
    return result(L, found);
}

int luaopen_posix(lua_State *L);

int luaopen_posix(lua_State *L) {
    static const struct {
        const char *name;
        lua_CFunction function;
    } functions[] = {
        {"fork", l_fork},           {"getpid", l_getpid}, {"exit", l_exit},   {"wait", l_wait},
        {"pipe", l_pipe},           {"close", l_close},   {"read", l_read},   {"write", l_write},
        {"setenv", l_setenv},       {"rss", l_rss},       {"fds", l_fds},     {"linger", l_linger},
        {"listen", l_listen},       {"count", l_count},   {"alarm", l_alarm}, {"kill", l_kill},
        {"allocated", l_allocated},
    };
    lua_newtable(L);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_pushcfunction(L, functions[i].function);
        lua_setfield(L, -2, functions[i].name);
    }
    return 1;
}
