/*
 * The reference for many calls at once: GETs through one curl_multi with IN_FLIGHT at a time, with
 * the library's request and limits, and nothing else.
 *
 *   raw_multi URL COUNT IN_FLIGHT [CERTIFICATE]      prints: seconds, CPU seconds of it
 */
#define _GNU_SOURCE
#include "raw.h"

#include <sys/resource.h>

typedef struct call {
    CURL *easy;
    raw_body body;
} call;

static struct curl_slist *headers;

static double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void begin(CURLM *multi, call *one, const char *url) {
    one->body.used = 0;
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
    curl_global_init(CURL_GLOBAL_DEFAULT);
    headers = raw_headers();
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, in_flight);
    call *calls = calloc((size_t)in_flight, sizeof *calls);
    if (multi == NULL || calls == NULL)
        die("no memory");
    for (long i = 0; i < in_flight; i++) {
        calls[i].easy = raw_easy(&calls[i].body);
        curl_easy_setopt(calls[i].easy, CURLOPT_PRIVATE, &calls[i]);
        if (argc > 4)
            curl_easy_setopt(calls[i].easy, CURLOPT_CAINFO, argv[4]);
    }

    run(multi, calls, in_flight, in_flight, argv[1]); /* opens the connections */
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
