/*
 * Coverage-guided trials of everything that reads what others wrote, for libFuzzer. TARGET in the
 * environment names the trial; each says what must hold for any bytes at all, and aborts when it
 * does not. Trials of what is written in Lua are in properties.lua; the lines that Lua runs count
 * as coverage, too. `make fuzz` builds and runs all.
 */
#define _GNU_SOURCE
#include "../../csrc/form.h"
#include "../../csrc/head.h"
#include "../../csrc/json_scan.h"
#include "../../csrc/oneflow.h"
#include "../../csrc/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

int luaopen_cjson(lua_State *L);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}

/* ---- Lua ---------------------------------------------------------------------------------- */

static lua_State *L;

enum { LINES = 1 << 13 };
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t lines[LINES];

static void on_line(lua_State *state, lua_Debug *activation) {
    lua_getinfo(state, "S", activation);
    size_t at = (size_t)activation->source * 31 + (size_t)activation->currentline * 2654435761u;
    lines[(at >> 4) % LINES]++;
}

static void open_lua(void) {
    L = luaL_newstate();
    luaL_openlibs(L);
    luaL_requiref(L, "cjson", luaopen_cjson, 0);
    lua_pop(L, 1);
    oneflow_preload(L);
    if (luaL_loadfile(L, getenv("PROPERTIES")) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        exit(1);
    }
    lua_sethook(L, on_line, LUA_MASKLINE, 0);
}

static int traceback(lua_State *state) {
    luaL_traceback(state, state, luaL_tolstring(state, 1, NULL), 1);
    return 1;
}

/* The property of that name, given text and a number. */
static void in_lua(const char *name, const uint8_t *data, size_t size, lua_Integer number) {
    lua_settop(L, 1);
    lua_pushcfunction(L, traceback);
    lua_getfield(L, 1, name);
    lua_pushlstring(L, (const char *)data, size);
    lua_pushinteger(L, number);
    if (lua_pcall(L, 2, 0, 2) != LUA_OK) {
        fprintf(stderr, "%s: %s\n", name, lua_tostring(L, -1));
        abort();
    }
}

/* ---- JSON --------------------------------------------------------------------------------- */

/* RFC 8259 once more, by hand and slowly: what the scan must agree with. NULL: no JSON. */
static const char *value(const char *at, const char *end, int depth);

static const char *blanks(const char *at, const char *end) {
    while (at < end && strchr(" \t\n\r", *at) != NULL && *at != '\0')
        at++;
    return at;
}

/* Of a hexadecimal digit; -1: it is none. */
static int digit(char c) {
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    if (at == NULL)
        return -1;
    int value_of = (int)(at - digits);
    return value_of < 16 ? value_of : value_of - 6;
}

static const char *string(const char *at, const char *end) {
    if (at >= end || *at++ != '"')
        return NULL;
    const char *start = at;
    while (at < end && *at != '"') {
        if ((unsigned char)*at < ' ')
            return NULL;
        if (*at++ != '\\')
            continue;
        if (at >= end || *at == '\0' || strchr("\"\\/bfnrtu", *at) == NULL)
            return NULL;
        if (*at++ == 'u') {
            unsigned code = 0;
            for (int i = 0; i < 4; i++, at++) {
                if (at >= end || digit(*at) < 0)
                    return NULL;
                code = code * 16 + (unsigned)digit(*at);
            }
            if (code >= 0xdc00 && code <= 0xdfff)
                return NULL; /* half of a pair */
            if (code >= 0xd800 && code <= 0xdbff) {
                if (end - at < 6 || at[0] != '\\' || at[1] != 'u' || (at[2] | 32) != 'd' ||
                    digit(at[3]) < 12)
                    return NULL;
                at += 4; /* the other half's last two digits are left */
                for (int i = 0; i < 2; i++, at++) {
                    if (digit(*at) < 0)
                        return NULL;
                }
            }
        }
        if (at > end)
            return NULL;
    }
    if (at >= end || !of_utf8(start, (size_t)(at - start)))
        return NULL;
    return at + 1;
}

static const char *pair_end(const char *at, const char *end, int depth, bool object) {
    char close = object ? '}' : ']';
    at = blanks(at + 1, end);
    if (at < end && *at == close)
        return at + 1;
    for (;;) {
        if (object) {
            at = string(blanks(at, end), end);
            if (at == NULL || (at = blanks(at, end)) >= end || *at++ != ':')
                return NULL;
        }
        at = value(at, end, depth + 1);
        if (at == NULL || (at = blanks(at, end)) >= end)
            return NULL;
        if (*at == close)
            return at + 1;
        if (*at++ != ',')
            return NULL;
    }
}

static const char *digits(const char *at, const char *end) {
    const char *start = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at > start ? at : NULL;
}

static const char *number(const char *at, const char *end) {
    if (at < end && *at == '-')
        at++;
    const char *whole = at;
    at = digits(at, end);
    if (at == NULL || (*whole == '0' && at - whole > 1))
        return NULL;
    if (at < end && *at == '.' && (at = digits(at + 1, end)) == NULL)
        return NULL;
    if (at < end && (*at | 32) == 'e') {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        at = digits(at, end);
    }
    return at;
}

static const char *value(const char *at, const char *end, int depth) {
    at = blanks(at, end);
    if (at >= end || depth > OF_JSON_DEPTH)
        return NULL;
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(end - at) >= length && memcmp(at, words[i], length) == 0)
            return at + length;
    }
    if (*at == '{' || *at == '[')
        return pair_end(at, end, depth, *at == '{');
    return *at == '"' ? string(at, end) : number(at, end);
}

static void json(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    const char *why = NULL;
    size_t offset = 0;
    of_json_cost cost;
    of_kind kind = of_json_scan(text, size, NULL, &cost, &why, &offset);
    const char *end = value(text, text + size, 0);
    bool whole = end != NULL && blanks(end, text + size) == text + size;
    if (kind == OF_OK)
        must(whole, "what the scan lets through is JSON");
    else
        must(why != NULL && offset <= size, "a refusal says what is where");
    if (kind == OF_DECODE && whole) /* integers that cannot be kept are refused as well */
        must(strstr(why, "integer") != NULL || strstr(why, "number") != NULL, why);
    free(text);
    in_lua("json", data, size, kind == OF_OK);
}

/* ---- header lines, URLs, form names -------------------------------------------------------- */

static void head(const uint8_t *data, size_t size) {
    static const char *const names[] = {"content-type", "retry-after", "x-request-id", "a"};
    of_buffer block;
    of_buffer_init(&block, size + 1);
    must(of_buffer_append(&block, data, size), "the block fits");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = 0;
        const char *found = of_head_find(&block, names[i], &length);
        if (found == NULL)
            continue;
        must(found >= block.bytes && found + length <= block.bytes + block.length, "inside");
        must(memchr(found, '\n', length) == NULL, "one line");
        must(length == 0 || memchr(" \t\r", found[length - 1], 3) == NULL, "no blank at the end");
        const char *line = found;
        while (line > block.bytes && line[-1] != '\n')
            line--;
        size_t name = strlen(names[i]);
        must(strncasecmp(line, names[i], name) == 0 && line[name] == ':', "of that name");
    }
    of_buffer_free(&block);
}

static void url(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1); /* a NUL follows it, as in a string of Lua */
    memcpy(text, data, size);
    text[size] = '\0';
    of_url parsed;
    if (of_url_parse(&parsed, text, size) == NULL) {
        const char *secure = "https://";
        const char *plain = "http://";
        bool tls = strncmp(parsed.origin, secure, strlen(secure)) == 0;
        must(tls || strncmp(parsed.origin, plain, strlen(plain)) == 0, "http or https");
        must(tls == parsed.tls && (tls || parsed.loopback), "http on this machine alone");
        const char *host = parsed.origin + strlen(tls ? secure : plain);
        must(*host != '\0' && strpbrk(host, "/@?# \t\r\n\\%") == NULL, "an origin is no more");
        size_t length = strlen(parsed.path);
        must(length == 0 || (parsed.path[0] == '/' && parsed.path[length - 1] != '/'), "base path");
        must(strpbrk(parsed.path, "?#\r\n ") == NULL, "a base path is no more");
        of_buffer whole;
        of_url again;
        of_buffer_init(&whole, 1 << 20);
        must(of_buffer_puts(&whole, parsed.origin) && of_buffer_puts(&whole, parsed.path), "fits");
        must(of_url_parse(&again, whole.bytes, whole.length) == NULL, "reads what it gave");
        must(strcmp(again.origin, parsed.origin) == 0 && strcmp(again.path, parsed.path) == 0,
             "same");
        of_url_free(&again);
        of_buffer_free(&whole);
        of_url_free(&parsed);
    }
    of_buffer origin;
    of_buffer_init(&origin, 1 << 16);
    if (of_url_origin(&origin, text, size) == NULL && /* where a signed link leads to */
        of_url_parse(&parsed, origin.bytes, origin.length) == NULL) {
        of_url_free(&parsed);
        CURLU *parts = curl_url();
        char *copy = strndup(text, size);
        char *ours = NULL;
        char *theirs = NULL;
        must(parts != NULL && curl_url_set(parts, CURLUPART_URL, copy, 0) == CURLUE_OK &&
                 curl_url_get(parts, CURLUPART_HOST, &theirs, 0) == CURLUE_OK,
             "libcurl reads what we read");
        must(curl_url_set(parts, CURLUPART_URL, origin.bytes, 0) == CURLUE_OK &&
                 curl_url_get(parts, CURLUPART_HOST, &ours, 0) == CURLUE_OK &&
                 strcasecmp(ours, theirs) == 0,
             "and goes where we said");
        curl_free(ours);
        curl_free(theirs);
        free(copy);
        curl_url_cleanup(parts);
    }
    of_buffer_free(&origin);
    if (of_check_path(text, size) == NULL) {
        must(size > 0 && text[0] == '/', "below the base path");
        must(memchr(text, '?', size) == NULL && memchr(text, '#', size) == NULL, "a path alone");
        must(memmem(text, size, "/../", 4) == NULL && memmem(text, size, "/./", 3) == NULL &&
                 !(size >= 3 && memcmp(text + size - 3, "/..", 3) == 0),
             "no way up");
        for (size_t i = 0; i < size; i++)
            must((unsigned char)text[i] > ' ' && text[i] != 0x7f && text[i] != '\\', "printable");
    }
    free(text);
}

static void form(const uint8_t *data, size_t size) {
    const char *name = (const char *)data;
    if (of_check_file_name(name, size) != NULL)
        return;
    of_form *made = of_form_new();
    must(made != NULL, "memory");
    of_form_field(made, "upload_as", "contract", 8);
    of_form_file(made, "file", name, size, "application/pdf");
    must(of_form_content(made, "%PDF", 4) == NULL && of_form_seal(made), "memory");
    uint64_t length = of_form_length(made);
    char *text = calloc(1, (size_t)length + 1);
    uint64_t at = 0;
    size_t step = 1 + size % 7;
    for (size_t got = 1; got > 0; at += got) {
        size_t room = (size_t)(length - at) < step ? (size_t)(length - at) : step;
        must(of_form_read(made, at, text + at, room, &got) == NULL, "can be read");
        must(got <= room, "in its bounds");
    }
    must(at == length, "as long as it says");
    const char *before = strstr(text, "filename=\"");
    must(before != NULL, "a file name");
    before += strlen("filename=\"");
    const char *after = strstr(before, "\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--");
    must(after != NULL, "and only the file follows it");
    must(memchr(before, '"', (size_t)(after - before)) == NULL, "no quote in it");
    must(memchr(before, '\n', (size_t)(after - before)) == NULL, "no line's end in it");
    free(text);
    of_form_unref(made);
}

/* ---- answers over a socket ----------------------------------------------------------------- */

/* What the server sends: a request without "/good" gets the next answer and, if `ends`, the end of
   the connection; any other one gets a contract. */
static struct {
    pthread_mutex_t lock;
    const uint8_t *bytes[2];
    size_t size[2];
    unsigned next;
    bool ends;
} answers = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int port;

static bool send_all(int fd, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool answer_one(int fd, const char *request) {
    static const char good[] = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                               "content-length: 11\r\n\r\n{\"id\":4711}";
    if (strstr(request, "/good") != NULL)
        return send_all(fd, good, sizeof good - 1);
    pthread_mutex_lock(&answers.lock);
    unsigned at = answers.next < 2 ? answers.next : 1;
    answers.next++;
    size_t size = answers.size[at];
    char *copy = malloc(size + 1);
    memcpy(copy, answers.bytes[at], size);
    bool ends = answers.ends;
    pthread_mutex_unlock(&answers.lock);
    bool sent = send_all(fd, copy, size);
    free(copy);
    return sent && !ends;
}

static void *serve_one(void *argument) {
    int fd = (int)(intptr_t)argument;
    char request[8192];
    size_t length = 0;
    for (;;) {
        ssize_t got = recv(fd, request + length, sizeof request - 1 - length, 0);
        if (got <= 0)
            break;
        length += (size_t)got;
        request[length] = '\0';
        if (strstr(request, "\r\n\r\n") == NULL) /* no body is sent here */
            continue;
        if (!answer_one(fd, request))
            break;
        length = 0;
    }
    close(fd);
    return NULL;
}

static void *serve(void *argument) {
    for (int listener = (int)(intptr_t)argument;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;
        if (fd >= 0 && pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
    return NULL;
}

static void open_server(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    pthread_t thread;
    must(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 64) == 0 &&
             getsockname(listener, (struct sockaddr *)&address, &length) == 0 &&
             pthread_create(&thread, NULL, serve, (void *)(intptr_t)listener) == 0,
         "a server on this machine");
    port = ntohs(address.sin_port);
}

/* Two answers; the second begins after the first "\n~~\n". */
static void answer(const uint8_t *data, size_t size) {
    if (size == 0)
        return;
    const uint8_t flags = data[0];
    data++, size--;
    static const char between[] = "\n~~\n";
    const uint8_t *second = memmem(data, size, between, sizeof between - 1);
    size_t first_size = second != NULL ? (size_t)(second - data) : size;
    pthread_mutex_lock(&answers.lock);
    answers.bytes[0] = data;
    answers.size[0] = first_size;
    answers.bytes[1] = second != NULL ? second + sizeof between - 1 : data;
    answers.size[1] = second != NULL ? size - first_size - (sizeof between - 1) : size;
    answers.next = 0;
    answers.ends = second == NULL || flags & 1;
    pthread_mutex_unlock(&answers.lock);
    in_lua("answer", data, size, (lua_Integer)flags << 16 | port);
}

static void retry_after(const uint8_t *data, size_t size) {
    char text[512];
    if (size > 200 || memchr(data, '\n', size) != NULL || memchr(data, '\r', size) != NULL ||
        memchr(data, '\0', size) != NULL)
        return;
    int length =
        snprintf(text, sizeof text,
                 "HTTP/1.1 429 Slow down\r\nRetry-After:%.*s\r\nContent-Length: 2\r\n\r\n{}",
                 (int)size, (const char *)data);
    pthread_mutex_lock(&answers.lock);
    answers.bytes[0] = answers.bytes[1] = (const uint8_t *)text;
    answers.size[0] = answers.size[1] = (size_t)length;
    answers.next = 0;
    answers.ends = false;
    pthread_mutex_unlock(&answers.lock);
    in_lua("retry_after", data, size, port);
}

/* ---- trials ------------------------------------------------------------------------------- */

static void webhook(const uint8_t *data, size_t size) { in_lua("webhook", data, size, 0); }
static void dates(const uint8_t *data, size_t size) { in_lua("dates", data, size, 0); }
static void money(const uint8_t *data, size_t size) { in_lua("money", data, size, 0); }

static const struct trial {
    const char *name;
    void (*run)(const uint8_t *data, size_t size);
} trials[] = {
    {"json", json},       {"head", head},     {"url", url},
    {"form", form},       {"answer", answer}, {"retry", retry_after},
    {"webhook", webhook}, {"dates", dates},   {"money", money},
};

static const struct trial *trial;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    const char *name = getenv("TARGET");
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        if (name != NULL && strcmp(trials[i].name, name) == 0)
            trial = &trials[i];
    }
    if (trial == NULL) {
        fprintf(stderr, "TARGET: no trial of that name\n");
        exit(1);
    }
    open_lua();
    open_server();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    trial->run(data, size);
    return 0;
}
