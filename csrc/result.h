/*
 * What became of a transfer: libcurl's code, what its callbacks noted, and what it knows of the
 * connection, read into the transfer and put into words. On the thread that drives the handle.
 */
#ifndef ONEFLOW_RESULT_H
#define ONEFLOW_RESULT_H

#include "transfer.h"

#include <curl/curl.h>

/* -> the transfer's kind, and words of at most `room` bytes; `its_message` is libcurl's. */
of_kind of_result_read(of_transfer *transfer, CURL *handle, CURLcode code, const char *its_message,
                       char *message, size_t room);

#endif
