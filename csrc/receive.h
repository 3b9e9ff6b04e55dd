/*
 * Receives an answer: checks header lines and body as they arrive, and stores them in the
 * transfer's buffers or in its target. A reason to stop is stored in the transfer. Called by
 * libcurl's callbacks, on the thread that drives the handle.
 */
#ifndef ONEFLOW_RECEIVE_H
#define ONEFLOW_RECEIVE_H

#include "transfer.h"

#include <curl/curl.h>

/* Both return what libcurl's callback has to return: the length, or a value that stops libcurl. */
size_t of_receive_header(of_transfer *transfer, CURL *handle, const char *bytes, size_t length);
size_t of_receive_body(of_transfer *transfer, CURL *handle, const char *bytes, size_t length);

/* Called when a file has arrived completely, without an error. */
void of_receive_file_end(of_transfer *transfer, CURL *handle);

#endif
