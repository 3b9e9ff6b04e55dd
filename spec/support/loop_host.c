/*
 * A C program with an event loop, for specs: runs the cases of a Lua file in a gatherer, polls its
 * descriptor together with a timer, and never blocks in a call.
 *
 *     loop_host CASES.lua BASE_URL TOKEN WORKSPACE TEMPLATE    prints a line a case, then the ticks
 */
#define _GNU_SOURCE
#include "oneflow.h"

#include <lauxlib.h>
#include <lualib.h>

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

int luaopen_cjson(lua_State *L);

/* The host's part in Lua: starts all cases and returns the gatherer to C. */
static const char BEGIN[] =
    "local path, base_url, token, workspace, template = ...\n"
    "local gatherer = require('oneflow').gatherer { concurrency = 4 }\n"
    "local cases = assert(loadfile(path))() { base_url = base_url, token = token,\n"
    "  workspace = tonumber(workspace), template = tonumber(template) }\n"
    "for _, case in ipairs(cases) do\n"
    "  gatherer:add(function() case[2]() return true end, function(good, err)\n"
    "    print(case[1] .. '\\t' .. (good and 'ok' or tostring(err)))\n"
    "  end)\n"
    "end\n"
    "return gatherer, gatherer:fd()\n";

static void check(lua_State *L, int failed) {
    if (!failed)
        return;
    fprintf(stderr, "loop_host: %s\n", lua_tostring(L, -1));
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 6)
        return 2;
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_cjson);
    lua_setfield(L, -2, "cjson");
    lua_settop(L, 0);
    oneflow_preload(L);

    check(L, luaL_loadstring(L, BEGIN));
    for (int i = 1; i < argc; i++)
        lua_pushstring(L, argv[i]);
    check(L, lua_pcall(L, argc - 1, 2, 0));
    struct pollfd watched[2] = {
        {.fd = (int)lua_tointeger(L, 2), .events = POLLIN},
        {.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), .events = POLLIN},
    };
    const struct itimerspec every = {{0, 1000000}, {0, 1000000}};
    timerfd_settime(watched[1].fd, 0, &every, NULL);

    unsigned long ticks = 0;
    for (bool idle = false; !idle;) {
        if (poll(watched, 2, -1) < 0)
            return 3;
        uint64_t times;
        if (watched[1].revents != 0 && read(watched[1].fd, &times, sizeof times) == sizeof times)
            ticks++;
        if (watched[0].revents == 0)
            continue;
        lua_getfield(L, 1, "poll");
        lua_pushvalue(L, 1);
        lua_pushnumber(L, 0);
        check(L, lua_pcall(L, 2, 1, 0));
        idle = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    printf("ticks\t%lu\n", ticks);
    close(watched[1].fd);
    lua_close(L);
    return 0;
}
