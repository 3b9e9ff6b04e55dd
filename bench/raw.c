/*
 * The reference for the library: sequential GETs with one libcurl handle, with the library's own
 * options and headers and nothing else; optionally decodes each body with lua-cjson.
 *
 *   raw URL SECONDS [decode]      prints: requests seconds
 */
#define _GNU_SOURCE
#include "raw.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

int main(int argc, char **argv) {
    if (argc < 3)
        die("URL SECONDS [decode]");
    double seconds = strtod(argv[2], NULL);
    lua_State *L = NULL;
    if (argc > 3) {
        L = luaL_newstate();
        luaL_openlibs(L);
        if (luaL_dostring(L, "return require('cjson').new().decode"))
            die(lua_tostring(L, -1));
    }

    curl_global_init(CURL_GLOBAL_DEFAULT);
    static raw_body body;
    CURL *easy = raw_easy(&body);
    struct curl_slist *headers = raw_headers();

    long requests = 0;
    double start = now(), end = start;
    do {
        long status = 0;
        body.used = 0;
        curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        if (curl_easy_perform(easy) != CURLE_OK)
            die("the request failed");
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (status != 200)
            die("the status is not 200");
        if (L != NULL) {
            lua_pushvalue(L, 1);
            lua_pushlstring(L, body.bytes, body.used);
            if (lua_pcall(L, 1, 1, 0))
                die(lua_tostring(L, -1));
            lua_settop(L, 1);
        }
        requests++;
        end = now();
    } while (end - start < seconds);
    printf("%ld %.6f\n", requests, end - start);

    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    if (L != NULL)
        lua_close(L);
    return 0;
}
