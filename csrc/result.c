#include "result.h"

#include "config.h"
#include "curl_init.h"
#include "receive.h"
#include "system.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A code that is not listed is a failed connection. */
#define CODES(X)                                                                                   \
    X(CURLE_OPERATION_TIMEDOUT, OF_TIMEOUT)                                                        \
    X(CURLE_OUT_OF_MEMORY, OF_MEMORY)                                                              \
    X(CURLE_BAD_CONTENT_ENCODING, OF_DECODE)                                                       \
    X(TOO_LARGE, OF_LIMIT)                                                                         \
    X(CURLE_SSL_CONNECT_ERROR, OF_TLS)                                                             \
    X(CURLE_PEER_FAILED_VERIFICATION, OF_TLS)                                                      \
    X(CURLE_SSL_ENGINE_NOTFOUND, OF_TLS)                                                           \
    X(CURLE_SSL_ENGINE_SETFAILED, OF_TLS)                                                          \
    X(CURLE_SSL_CERTPROBLEM, OF_TLS)                                                               \
    X(CURLE_SSL_CIPHER, OF_TLS)                                                                    \
    X(CURLE_USE_SSL_FAILED, OF_TLS)                                                                \
    X(CURLE_SSL_ENGINE_INITFAILED, OF_TLS)                                                         \
    X(CURLE_SSL_CACERT_BADFILE, OF_TLS)                                                            \
    X(CURLE_SSL_CRL_BADFILE, OF_TLS)                                                               \
    X(CURLE_SSL_ISSUER_ERROR, OF_TLS)                                                              \
    X(CURLE_SSL_PINNEDPUBKEYNOTMATCH, OF_TLS)                                                      \
    X(CURLE_SSL_INVALIDCERTSTATUS, OF_TLS)

enum { TOO_LARGE = 100 }; /* CURLE_TOO_LARGE, of libcurl 8.6 and newer: header lines */

static of_kind kind_of(CURLcode code) {
    switch ((int)code) {
#define CODE_CASE(name, kind)                                                                      \
    case name:                                                                                     \
        return kind;
        CODES(CODE_CASE)
#undef CODE_CASE
    case CURLE_OK:
        return OF_OK;
    default:
        return OF_CONNECTION;
    }
}

/* libcurl reports a header line beyond its own limit as a lack of memory. */
static bool refused_line(const of_transfer *transfer, CURLcode code) {
    return code == CURLE_OUT_OF_MEMORY && transfer->wire > 0 &&
           of_curl_init() == OF_ZEROING_PROCESS &&
           transfer->allocation_failures == of_allocation_failures();
}

/* libcurl may report a lack of memory as a host that was not found. */
static bool lacked_memory(const of_transfer *transfer) {
    return transfer->allocation_failures != of_allocation_failures();
}

/* If the peer closes the connection during the handshake, the connection has failed, not a
   certificate check; libcurl has one code for both. (Its system error may come from an earlier
   address: 8.14.) */
static bool hung_up(const char *message, long os_error) {
    static const char *const words[] = {
        "Recv failure: ", /* libcurl, with the system's error, for example a reset */
        "Send failure: ",
        " in connection to ", /* libcurl up to 8.10, without an error from TLS or the system */
        "error:00000000:",    /* the same since 8.11 */
        "unexpected eof while reading", /* OpenSSL 3 */
        "non-properly terminated",      /* GnuTLS */
        "in the pull function",
    };
    bool found = os_error == ECONNRESET || os_error == EPIPE;
    for (size_t i = 0; i < sizeof words / sizeof *words && !found; i++)
        found = strstr(message, words[i]) != NULL;
    return found;
}

/* Reads the header lines, if all of them arrived. A truncated header does not count: it may belong
   to another answer. */
static bool read_head(of_transfer *transfer, CURL *handle) {
    curl_off_t retry_after = 0;
    of_buffer_cut(&transfer->head, transfer->head_length);
    if (transfer->head_length == 0)
        return true;
    if (curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &transfer->status) != CURLE_OK ||
        curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &retry_after) != CURLE_OK)
        return false;
    if (retry_after > 0) { /* a date in the past gives a negative number */
        transfer->retry_after = retry_after < INT32_MAX ? (long)retry_after : INT32_MAX;
    }
    return true;
}

/* The shortage that may have caused a failure before anything was sent, other than a time-out: a
   descriptor was needed for a socket, for the name look-up or for the CA file, and libcurl does not
   tell which failed. */
static const char *shortage_of(const of_transfer *transfer, of_kind kind) {
    if (transfer->wire > 0 || kind == OF_OK || kind == OF_TIMEOUT)
        return NULL;
    return transfer->shortage != NULL ? transfer->shortage : of_shortage_now();
}

of_kind of_result_read(of_transfer *transfer, CURL *handle, CURLcode code, const char *its_message,
                       char *message, size_t room) {
    long os_error = 0;
    if (!read_head(transfer, handle) ||
        curl_easy_getinfo(handle, CURLINFO_NUM_CONNECTS, &transfer->connects) != CURLE_OK ||
        curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &os_error) != CURLE_OK)
        transfer->stop = OF_STOP_MEMORY;

    of_kind kind = kind_of(code);
    if (kind == OF_OK && transfer->stop == OF_STOP_NONE && transfer->head_length == 0) {
        snprintf(message, room, "the connection ended before the answer's headers did");
        return OF_CONNECTION;
    }
    if (kind == OF_OK && transfer->stop == OF_STOP_NONE) {
        if (transfer->gunzip != NULL && !of_gunzip_ended(transfer->gunzip)) {
            transfer->stop = OF_STOP_ANSWER;
            transfer->reason = "the body's gzip is cut short";
        } else if (transfer->answer != OF_ANSWER_JSON) {
            of_receive_file_end(transfer, handle);
        }
    }
    switch (transfer->stop) {
    case OF_STOP_GUARD:
        /* libcurl wanted to send the request again. After an answer (417), that answer counts;
           otherwise the connection died. */
        kind = transfer->status != 0 ? OF_OK : OF_CONNECTION;
        snprintf(message, room,
                 "the connection died after the request was sent; it was not sent again");
        break;
    case OF_STOP_HEAD:
        kind = OF_LIMIT;
        snprintf(message, room, "the answer's headers exceed %d bytes",
                 transfer->head_total > OF_HEADS_LIMIT ? OF_HEADS_LIMIT : OF_HEAD_LIMIT);
        break;
    case OF_STOP_ODD:
        kind = OF_CONNECTION;
        snprintf(message, room, "%s", transfer->reason);
        break;
    case OF_STOP_BODY:
        kind = OF_LIMIT;
        snprintf(message, room, "the answer's body exceeds %zu bytes", transfer->body.limit);
        break;
    case OF_STOP_MEMORY:
        kind = OF_MEMORY;
        snprintf(message, room, "out of memory");
        break;
    case OF_STOP_FORM:
        kind = OF_IO;
        snprintf(message, room, "%s", transfer->reason);
        break;
    case OF_STOP_ANSWER:
        kind = OF_DECODE;
        snprintf(message, room, "%s", transfer->reason);
        break;
    case OF_STOP_EMPTY:
        kind = OF_MISMATCH;
        snprintf(message, room, "a file was expected, but it has no bytes");
        break;
    case OF_STOP_TARGET:
        kind = OF_IO;
        of_target_failure(transfer->target, message, room);
        break;
    case OF_STOP_STALE:
    case OF_STOP_LATE:
    case OF_STOP_NONE:
        if (code == CURLE_SSL_CONNECT_ERROR && hung_up(its_message, os_error))
            kind = OF_CONNECTION;
        const char *shortage = shortage_of(transfer, kind);
        if (shortage != NULL) {
            kind = OF_CONNECTION;
            snprintf(message, room, "no connection could be made: %s", shortage);
        } else if (refused_line(transfer, code)) {
            kind = OF_LIMIT;
            snprintf(message, room, "a header line of the answer is too long");
        } else if (code == CURLE_BAD_FUNCTION_ARGUMENT && transfer->wire > 0) {
            snprintf(message, room, "a header line of the answer could not be read");
        } else if (kind != OF_OK) {
            const char *text = its_message;
            if (kind == OF_CONNECTION && lacked_memory(transfer))
                kind = OF_MEMORY;
            snprintf(message, room, "%s", text[0] != '\0' ? text : curl_easy_strerror(code));
            if (kind == OF_TLS) {
                size_t used = strlen(message);
                snprintf(message + used, room - used, " (CA file: %s)",
                         of_config_ca(&transfer->owner->config));
            }
        }
        break;
    }
    return kind;
}
