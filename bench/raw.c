/*
 * What the library is measured against: sequential GETs with one libcurl handle, the options and
 * headers the library's own, and nothing else; optionally each body decoded by lua-cjson.
 *
 *   raw URL SECONDS [decode]      prints: requests seconds
 */
#define _GNU_SOURCE
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
    char bytes[1 << 20];
    size_t used;
} body;

static size_t on_body(char *data, size_t size, size_t count, void *context) {
    (void)context;
    size_t length = size * count;
    if (length > sizeof body.bytes - body.used)
        return 0;
    memcpy(body.bytes + body.used, data, length);
    body.used += length;
    return length;
}

static size_t on_header(char *data, size_t size, size_t count, void *context) {
    (void)data;
    (void)context;
    return size * count;
}

static int on_request(void *context, char *to, char *from, int to_port, int from_port) {
    (void)context;
    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    return CURL_PREREQFUNC_OK;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *what) {
    fprintf(stderr, "raw: %s\n", what);
    exit(1);
}

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
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = NULL;
    headers = curl_slist_append(headers, "accept: application/json");
    headers =
        curl_slist_append(headers, "x-oneflow-api-token: 0123456789abcdef0123456789abcdef01234567");
    headers = curl_slist_append(headers, "x-oneflow-user-email: sven@example.com");
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "oneflow-lua/0.1.0");
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 8L * 1024L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 3000L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, 300L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 50L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);

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
