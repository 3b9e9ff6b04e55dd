/*
 * What many calls at once are measured against: GETs through one curl_multi, so many in flight,
 * the options and headers the library's own, and nothing else.
 *
 *   raw_multi URL COUNT IN_FLIGHT [CERTIFICATE]      prints: seconds, CPU seconds of it
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct call {
    CURL *easy;
    char body[1 << 16];
    size_t used;
} call;

static const char *certificate;

static size_t on_body(char *data, size_t size, size_t count, void *context) {
    call *one = context;
    size_t length = size * count;
    if (length > sizeof one->body - one->used)
        return 0;
    memcpy(one->body + one->used, data, length);
    one->used += length;
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

static double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void die(const char *what) {
    fprintf(stderr, "raw_multi: %s\n", what);
    exit(1);
}

static struct curl_slist *headers;

static void prepare(call *one) {
    CURL *easy = one->easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_PRIVATE, one);
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
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, one);
    if (certificate != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, certificate);
}

static void begin(CURLM *multi, call *one, const char *url) {
    one->used = 0;
    curl_easy_setopt(one->easy, CURLOPT_URL, url);
    curl_easy_setopt(one->easy, CURLOPT_HTTPHEADER, headers);
    curl_multi_add_handle(multi, one->easy);
}

/* `count` calls, `in_flight` of them at a time. */
static void run(CURLM *multi, call *calls, long count, long in_flight, const char *url) {
    long begun = 0;
    long ended = 0;
    for (; begun < in_flight && begun < count; begun++)
        begin(multi, &calls[begun], url);
    while (ended < count) {
        int running;
        int left;
        CURLMsg *news;
        curl_multi_perform(multi, &running);
        while ((news = curl_multi_info_read(multi, &left)) != NULL) {
            if (news->msg != CURLMSG_DONE)
                continue;
            CURL *easy = news->easy_handle;
            CURLcode code = news->data.result;
            long status = 0;
            char *context = NULL;
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, &context);
            curl_multi_remove_handle(multi, easy);
            if (code != CURLE_OK || status != 200)
                die("a request failed");
            ended++;
            if (begun < count) {
                begun++;
                begin(multi, (call *)(void *)context, url);
            }
        }
        if (ended < count)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
}

int main(int argc, char **argv) {
    if (argc < 4)
        die("URL COUNT IN_FLIGHT");
    long count = strtol(argv[2], NULL, 10);
    long in_flight = strtol(argv[3], NULL, 10);
    certificate = argc > 4 ? argv[4] : NULL;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    headers = curl_slist_append(headers, "accept: application/json");
    headers =
        curl_slist_append(headers, "x-oneflow-api-token: 0123456789abcdef0123456789abcdef01234567");
    headers = curl_slist_append(headers, "x-oneflow-user-email: sven@example.com");
    headers = curl_slist_append(headers, "Expect:");
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, in_flight);
    call *calls = calloc((size_t)in_flight, sizeof *calls);
    if (multi == NULL || calls == NULL)
        die("no memory");
    for (long i = 0; i < in_flight; i++)
        prepare(&calls[i]);

    run(multi, calls, in_flight, in_flight, argv[1]); /* the connections */
    double started = now();
    double worked = cpu();
    run(multi, calls, count, in_flight, argv[1]);
    printf("%.6f %.6f\n", now() - started, cpu() - worked);

    for (long i = 0; i < in_flight; i++)
        curl_easy_cleanup(calls[i].easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    free(calls);
    curl_global_cleanup();
    return 0;
}
