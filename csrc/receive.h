/*
 * What comes of an answer: header lines and body, looked at as they come, into the transfer's
 * buffers or to where its file goes. A reason to stop is noted in the transfer. Called by
 * libcurl's callbacks, on the thread that drives the handle.
 */
#ifndef ONEFLOW_RECEIVE_H
#define ONEFLOW_RECEIVE_H

#include "transfer.h"

#include <curl/curl.h>

/* What the callbacks return: the length, or what stops libcurl. */
size_t of_receive_header(of_transfer *transfer, CURL *handle, const char *bytes, size_t length);
size_t of_receive_body(of_transfer *transfer, CURL *handle, const char *bytes, size_t length);

/* All of a file came, of an answer without an error. */
void of_receive_file_end(of_transfer *transfer, CURL *handle);

#endif
