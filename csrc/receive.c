#include "receive.h"

#include "text.h"

#include <string.h>

static size_t keep(of_transfer *transfer, of_buffer *buffer, const char *bytes, size_t length,
                   of_stop reason) {
    if (of_buffer_append(buffer, bytes, length))
        return length;
    transfer->stop = buffer->out_of_memory ? OF_STOP_MEMORY : reason;
    return length == 0 ? 1 : 0;
}

/* The empty line has arrived: accepts this answer, unless it is an interim one. False: it is
   invalid. */
static bool end_head(of_transfer *transfer, CURL *handle) {
    const of_head_seen *seen = &transfer->seen;
    long status = 0;
    if (seen->odd != NULL) {
        transfer->reason = seen->odd;
        transfer->stop = OF_STOP_ODD;
        return false;
    }
    if (curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status < 200)
        return true;
    transfer->head_length = transfer->head.length;
    if (seen->coded != NULL) {
        transfer->reason = seen->coded;
        transfer->stop = OF_STOP_ANSWER;
        return false;
    }
    if (seen->gzip && transfer->answer == OF_ANSWER_STREAM)
        transfer->body.limit =
            transfer->owner->config.options.max_body; /* for a piece that unpacks to more */
    return true;
}

size_t of_receive_header(of_transfer *transfer, CURL *handle, const char *bytes, size_t length) {
    bool trailer = transfer->head_length > 0;
    transfer->head_total += length;
    if (transfer->head_total > OF_HEADS_LIMIT) {
        transfer->stop = OF_STOP_HEAD;
        return 0;
    }
    /* Of several answers (100, 103, then 200) only the last one counts. */
    if (!trailer && length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        of_buffer_clear(&transfer->head);
        transfer->seen = (of_head_seen){.odd = NULL};
    }
    size_t kept = keep(transfer, &transfer->head, bytes, length, OF_STOP_HEAD);
    if (trailer || kept == 0 || length == 0)
        return kept;
    of_head_see(&transfer->seen, bytes, length);
    bool last = bytes[0] == '\r' || bytes[0] == '\n';
    return last && !end_head(transfer, handle) ? 0 : kept;
}

static bool header_is(const of_buffer *head, const char *name, const char *wanted) {
    size_t length = 0;
    const char *value = of_head_find(head, name, &length);
    size_t size = strlen(wanted);
    return value != NULL && of_begins(value, length, wanted) &&
           (length == size || strchr("; \t,", value[size]) != NULL);
}

/* Decides whether this answer is the file. A login page is not, nor is the service's JSON about a
   file. Without a length a truncated file could not be detected. */
static void judge(of_transfer *transfer, CURL *handle) {
    const of_buffer *head = &transfer->head;
    long status = 0;
    curl_off_t total = -1;
    transfer->judged = true;
    if (curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
        curl_easy_getinfo(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total) != CURLE_OK) {
        transfer->stop = OF_STOP_MEMORY;
        return;
    }
    if (status < 200 || status > 299)
        return;
    const char *reason = NULL;
    if (status != 200)
        reason = "a file was expected, the answer has another status than 200";
    else if (header_is(head, "content-type", "text/html"))
        reason = "a file was expected, the answer is text/html";
    else if (header_is(head, "content-type", "application/json"))
        reason = "a file was expected, the answer is application/json";
    else if (total < 0 && !header_is(head, "transfer-encoding", "chunked"))
        reason = "the answer does not tell how long the file is: a cut one would look whole";
    if (reason != NULL) {
        transfer->stop = OF_STOP_ANSWER;
        transfer->reason = reason;
        return;
    }
    transfer->accepted = true;
    transfer->total = transfer->seen.gzip ? -1 : total;
}

static size_t on_file(of_transfer *transfer, const char *bytes, size_t length) {
    if (transfer->answer == OF_ANSWER_TARGET) {
        if (!of_target_write(transfer->target, bytes, length)) {
            transfer->stop = OF_STOP_TARGET;
            return 0;
        }
    } else if (transfer->answer == OF_ANSWER_STREAM && !transfer->seen.gzip &&
               transfer->body.length + length > OF_STREAM_LIMIT) {
        transfer->paused = true;
        return CURL_WRITEFUNC_PAUSE; /* libcurl will pass these bytes again */
    } else if (keep(transfer, &transfer->body, bytes, length, OF_STOP_BODY) != length) {
        return 0;
    }
    transfer->received += (int64_t)length;
    return length;
}

static size_t store(of_transfer *transfer, CURL *handle, const char *bytes, size_t length) {
    if (transfer->answer != OF_ANSWER_JSON && length > 0) {
        if (!transfer->judged)
            judge(transfer, handle);
        if (transfer->stop != OF_STOP_NONE)
            return 0;
        if (transfer->accepted)
            return on_file(transfer, bytes, length);
    }
    return keep(transfer, &transfer->body, bytes, length, OF_STOP_BODY);
}

typedef struct unpacked {
    of_transfer *transfer;
    CURL *handle;
} unpacked;

static bool store_unpacked(void *context, const char *bytes, size_t length) {
    const unpacked *to = context;
    return store(to->transfer, to->handle, bytes, length) == length;
}

static size_t unpack(of_transfer *transfer, CURL *handle, const char *bytes, size_t length) {
    unpacked to = {transfer, handle};
    if (of_transfer_readable(transfer)) { /* only one piece at a time, because it may be large */
        transfer->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (transfer->gunzip == NULL)
        transfer->gunzip = of_gunzip_new();
    switch (transfer->gunzip == NULL
                ? OF_GUNZIP_MEMORY
                : of_gunzip_write(transfer->gunzip, bytes, length, store_unpacked, &to)) {
    case OF_GUNZIP_GOOD:
        return length;
    case OF_GUNZIP_MEMORY:
        transfer->stop = OF_STOP_MEMORY;
        break;
    case OF_GUNZIP_BAD:
        transfer->stop = OF_STOP_ANSWER;
        transfer->reason = "the body is not the gzip that it should be";
        break;
    case OF_GUNZIP_TRAILING:
        transfer->stop = OF_STOP_ANSWER;
        transfer->reason = "there is data after the end of the body's gzip";
        break;
    case OF_GUNZIP_STOPPED:
        break;
    }
    return 0;
}

size_t of_receive_body(of_transfer *transfer, CURL *handle, const char *bytes, size_t length) {
    return transfer->seen.gzip ? unpack(transfer, handle, bytes, length)
                               : store(transfer, handle, bytes, length);
}

/* The whole file has arrived. An empty file is not the file that was requested. */
void of_receive_file_end(of_transfer *transfer, CURL *handle) {
    if (!transfer->judged)
        judge(transfer, handle);
    if (!transfer->accepted)
        return;
    if (transfer->received == 0)
        transfer->stop = OF_STOP_EMPTY;
    else if (transfer->answer == OF_ANSWER_TARGET && !of_target_commit(transfer->target))
        transfer->stop = OF_STOP_TARGET;
}
