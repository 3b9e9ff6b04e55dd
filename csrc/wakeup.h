/*
 * Descriptors that libcurl opens for itself: the pair that wakes up a curl_multi, and the pair of
 * each name look-up. Before 8.9 libcurl lets child programs inherit them. No state; any thread.
 */
#ifndef ONEFLOW_WAKEUP_H
#define ONEFLOW_WAKEUP_H

#include <curl/curl.h>

/* Creates a curl_multi whose wake-up pair is not inherited by child programs. NULL: no memory.
   `pair` gets both ends, or the same descriptor twice where libcurl uses only one; -1: there is
   none, or it was not found. */
CURLM *of_wakeup_new_multi(int pair[2]);

/* libcurl polls this descriptor before it sends a request, so it may belong to a name look-up:
   closes it on exec, with its other end. */
void of_wakeup_keep_lookup(int fd);

#endif
