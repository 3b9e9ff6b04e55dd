/* Shared by both C programs: the library's request and limits, set with the options that libcurl's
   manual shows for each, and nothing else. */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A body, truncated to the buffer. */
typedef struct raw_body {
    char bytes[1 << 16];
    size_t used;
} raw_body;

static size_t on_body(char *data, size_t size, size_t count, void *context) {
    raw_body *body = context;
    size_t length = size * count;
    if (length > sizeof body->bytes - body->used)
        return 0;
    memcpy(body->bytes + body->used, data, length);
    body->used += length;
    return length;
}

static size_t on_header(char *data, size_t size, size_t count, void *context) {
    (void)data, (void)context;
    return size * count;
}

static int on_request(void *context, char *to, char *from, int to_port, int from_port) {
    (void)context, (void)to, (void)from, (void)to_port, (void)from_port;
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

static struct curl_slist *raw_headers(void) {
    static const char *const lines[] = {
        "accept: application/json",
        "x-oneflow-api-token: 0123456789abcdef0123456789abcdef01234567",
        "x-oneflow-user-email: sven@example.com",
        "Expect:",
    };
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        headers = curl_slist_append(headers, lines[i]);
    return headers;
}

static CURL *raw_easy(raw_body *body) {
    CURL *easy = curl_easy_init();
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
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
    return easy;
}

#endif
