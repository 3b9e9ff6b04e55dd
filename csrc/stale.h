/*
 * Is a connection fit for another request? Between two requests no input may wait on it: that would
 * be its end, or what is left of the answer before, which libcurl (7.88 at least) takes for the
 * answer to the next request. No state but what is looked up once for the process; any thread.
 */
#ifndef ONEFLOW_STALE_H
#define ONEFLOW_STALE_H

#include <curl/curl.h>
#include <stdbool.h>

/* `easy` is about to use the open socket `fd`, over TLS or not. */
bool of_input_waits(CURL *easy, int fd, bool tls);

#endif
