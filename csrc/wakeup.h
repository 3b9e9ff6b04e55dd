/*
 * Descriptors that libcurl opens for itself: the pair by which a curl_multi is woken, and that of
 * each look-up of a name. Before 8.9 it leaves them to every child program. No state; any thread.
 */
#ifndef ONEFLOW_WAKEUP_H
#define ONEFLOW_WAKEUP_H

#include <curl/curl.h>

/* A new curl_multi, whose own pair no child program inherits. NULL: no memory. `pair` gets both
   ends, twice the same where libcurl needs one alone; -1: there is none, or it was not found. */
CURLM *of_wakeup_new_multi(int pair[2]);

/* libcurl waits for this before it sends a request: it may be that of a look-up. */
void of_wakeup_keep_lookup(int fd);

#endif
