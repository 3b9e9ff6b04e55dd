/*
 * Determines the result of a transfer from libcurl's code, from what the callbacks stored and from
 * the state of the connection; stores it in the transfer and puts it into words. Called on the
 * thread that drives the handle.
 */
#ifndef ONEFLOW_RESULT_H
#define ONEFLOW_RESULT_H

#include "transfer.h"

#include <curl/curl.h>

/* -> the transfer's kind, and a message of at most `room` bytes; `its_message` is libcurl's. */
of_kind of_result_read(of_transfer *transfer, CURL *handle, CURLcode code, const char *its_message,
                       char *message, size_t room);

#endif
