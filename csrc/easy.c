#define _GNU_SOURCE
#include "easy.h"

#include "curl_init.h"
#include "head.h"
#include "system.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if LIBCURL_VERSION_NUM < 0x075000
#error                                                                                             \
    "oneflow needs libcurl 7.80 or newer: without its pre-request callback a POST could be sent twice"
#endif

enum {
    IDLE_SECONDS = 50, /* below the 60 to 75 s after which servers close */
    IDLE_SECONDS_ONCE =
        5, /* for what must not be repeated: a younger connection is more surely alive */
    CONNECTION_SECONDS = 300,
};

/* With the handle, what is set in it: setting an option costs more than remembering it. */
struct of_easy {
    CURL *handle;
    of_easy *next; /* among the idle */
    of_easy_context *context;
    of_transfer *transfer; /* whose request it carries */
    long connect_timeout;
    long idle_seconds;
    bool fresh;
    bool streams;
    bool still;
    of_trust trust;
    bool get; /* a GET without a body, which is what a new handle does */
    char message[CURL_ERROR_SIZE];
};

/* What is known of this libcurl.
   From 7.83 to 8.1.1 it keeps a pointer to the last header line of an easy handle's former answer,
   and appends to that freed memory what is folded before the first line of the next one.
   From 7.88 to 8.4 it goes over to the next address of a name and does not say that it wants to be
   called for that. */
static struct quirks {
    bool keeps_line;
    bool stands_still;
} quirks;

static void find_quirks(void) {
    unsigned version = curl_version_info(CURLVERSION_NOW)->version_num;
    quirks.keeps_line = version >= 0x075300 && version < 0x080102;
    quirks.stands_still = version >= 0x075800 && version < 0x080500;
}

static const struct quirks *its_quirks(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_quirks);
    return &quirks;
}

/* ---- libcurl's codes ------------------------------------------------------------------------- */

/* Every code that is not listed is a connection that failed. */
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

/* ---- callbacks ------------------------------------------------------------------------------- */

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)purpose;
    of_easy *easy = context;
    of_transfer *transfer = easy->transfer;
    curl_socket_t fd = of_connections_open(&easy->context->connections, address);
    if (fd == CURL_SOCKET_BAD && errno == ENOMEM)
        transfer->stop = OF_STOP_MEMORY;
    else if (fd == CURL_SOCKET_BAD && transfer->shortage == NULL)
        transfer->shortage = of_shortage(errno);
    return fd;
}

static int on_request(void *context, char *remote, char *local, int remote_port, int local_port) {
    of_easy *easy = context;
    of_transfer *transfer = easy->transfer;
    if (transfer->wire == 0) {
        if (transfer->submitted + transfer->timeout <= easy->context->now) {
            transfer->stop = OF_STOP_LATE;
            return CURL_PREREQFUNC_ABORT;
        }
        of_connection *connection =
            of_connections_find(&easy->context->connections, (of_end){local, local_port},
                                (of_end){remote, remote_port});
        /* What is not known cannot be looked at. */
        bool fit = connection != NULL &&
                   !of_connection_stale(connection, easy->handle, transfer->owner->config.url.tls);
        if (!fit && !transfer->fresh) {
            transfer->stop = OF_STOP_STALE;
            return CURL_PREREQFUNC_ABORT;
        }
        transfer->connection = connection;
        if (connection != NULL)
            of_connection_ref(connection);
    }
    atomic_fetch_add_explicit(&transfer->wire, 1, memory_order_relaxed);
#ifndef ONEFLOW_WITHOUT_GUARD /* only the spec that shows what the guard is for leaves it out */
    /* A reused connection that dies without an answer makes libcurl send the request again. */
    if (transfer->wire > 1) {
        transfer->stop = OF_STOP_GUARD;
        return CURL_PREREQFUNC_ABORT;
    }
#endif
    return CURL_PREREQFUNC_OK;
}

static size_t keep(of_transfer *transfer, of_buffer *buffer, const char *bytes, size_t length,
                   of_stop reason) {
    if (of_buffer_append(buffer, bytes, length))
        return length;
    transfer->stop = buffer->out_of_memory ? OF_STOP_MEMORY : reason;
    return length == 0 ? 1 : 0;
}

/* The empty line has come: this is the answer, unless it is an interim one. False: it is none. */
static bool end_head(of_transfer *transfer) {
    const of_head_seen *seen = &transfer->seen;
    long status = 0;
    if (seen->odd != NULL) {
        transfer->reason = seen->odd;
        transfer->stop = OF_STOP_ODD;
        return false;
    }
    if (curl_easy_getinfo(transfer->easy->handle, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
        status < 200)
        return true;
    transfer->head_length = transfer->head.length;
    if (seen->coded != NULL) {
        transfer->reason = seen->coded;
        transfer->stop = OF_STOP_ANSWER;
        return false;
    }
    if (seen->gzip && transfer->answer == OF_ANSWER_STREAM)
        transfer->body.limit =
            transfer->owner->config.options.max_body; /* of a piece that unpacks to more */
    return true;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context) {
    of_transfer *transfer = ((of_easy *)context)->transfer;
    size_t length = size * count;
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
    return last && !end_head(transfer) ? 0 : kept;
}

static bool header_is(const of_buffer *head, const char *name, const char *wanted) {
    size_t length = 0;
    const char *value = of_head_find(head, name, &length);
    size_t size = strlen(wanted);
    return value != NULL && of_begins(value, length, wanted) &&
           (length == size || strchr("; \t,", value[size]) != NULL);
}

/* Is this answer the file? A page to log in at is not, nor what the service tells of a file; and
   without a length a cut one could not be told from a whole one. */
static void judge(of_transfer *transfer) {
    CURL *handle = transfer->easy->handle;
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
        return CURL_WRITEFUNC_PAUSE; /* libcurl brings these bytes again */
    } else if (keep(transfer, &transfer->body, bytes, length, OF_STOP_BODY) != length) {
        return 0;
    }
    transfer->received += (int64_t)length;
    return length;
}

static size_t take(of_transfer *transfer, const char *bytes, size_t length) {
    if (transfer->answer != OF_ANSWER_JSON && length > 0) {
        if (!transfer->judged)
            judge(transfer);
        if (transfer->stop != OF_STOP_NONE)
            return 0;
        if (transfer->accepted)
            return on_file(transfer, bytes, length);
    }
    return keep(transfer, &transfer->body, bytes, length, OF_STOP_BODY);
}

static bool take_unpacked(void *transfer, const char *bytes, size_t length) {
    return take(transfer, bytes, length) == length;
}

static size_t unpack(of_transfer *transfer, const char *bytes, size_t length) {
    if (of_transfer_readable(transfer)) { /* one piece at a time: it may be a large one */
        transfer->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (transfer->gunzip == NULL)
        transfer->gunzip = of_gunzip_new();
    switch (transfer->gunzip == NULL
                ? OF_GUNZIP_MEMORY
                : of_gunzip_write(transfer->gunzip, bytes, length, take_unpacked, transfer)) {
    case OF_GUNZIP_GOOD:
        return length;
    case OF_GUNZIP_MEMORY:
        transfer->stop = OF_STOP_MEMORY;
        break;
    case OF_GUNZIP_BAD:
        transfer->stop = OF_STOP_ANSWER;
        transfer->reason = "the body is not the gzip that it should be";
        break;
    case OF_GUNZIP_BEHIND:
        transfer->stop = OF_STOP_ANSWER;
        transfer->reason = "there is something behind the body's gzip";
        break;
    case OF_GUNZIP_STOPPED:
        break;
    }
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
    of_transfer *transfer = ((of_easy *)context)->transfer;
    return transfer->seen.gzip ? unpack(transfer, bytes, size * count)
                               : take(transfer, bytes, size * count);
}

static size_t on_form(char *bytes, size_t size, size_t count, void *context) {
    of_transfer *transfer = ((of_easy *)context)->transfer;
    size_t got = 0;
    transfer->reason =
        of_form_read(transfer->form, (uint64_t)transfer->form_sent, bytes, size * count, &got);
    if (transfer->reason != NULL) {
        transfer->stop = OF_STOP_FORM;
        return CURL_READFUNC_ABORT;
    }
    transfer->form_sent += (int64_t)got;
    return got;
}

/* Before it would send a request again, which the guard then forbids. */
static int on_form_seek(void *context, curl_off_t offset, int origin) {
    of_transfer *transfer = ((of_easy *)context)->transfer;
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    transfer->form_sent = offset;
    return CURL_SEEKFUNC_OK;
}

/* ---- the handle ------------------------------------------------------------------------------ */

/* A refused option is a libcurl that lacks something this library promises: then there is no
 * handle. */
#define SET(handle, option, value)                                                                 \
    do {                                                                                           \
        if (curl_easy_setopt((handle), (option), (value)) != CURLE_OK)                             \
            return false;                                                                          \
    } while (0)

/* The engine's origin, taken apart once. */
static CURLU *origin_of(of_share *share, const of_config *config) {
    if (share->origin != NULL)
        return share->origin;
    CURLU *origin = curl_url();
    if (origin != NULL && curl_url_set(origin, CURLUPART_URL, config->url.origin, 0) != CURLUE_OK) {
        curl_url_cleanup(origin);
        return NULL;
    }
    share->origin = origin;
    return origin;
}

/* What is the same for every request of an engine. */
static bool prepare(of_easy *easy, of_owner *owner) {
    CURL *handle = easy->handle;
    const of_config *config = &owner->config;
    CURLU *origin = origin_of(&owner->shares[easy->context->share], config);
    if (origin == NULL)
        return false;
    SET(handle, CURLOPT_CURLU, origin);
    SET(handle, CURLOPT_URL, config->url.origin); /* or it would be put together again */
    SET(handle, CURLOPT_ERRORBUFFER, easy->message);
    SET(handle, CURLOPT_PREREQDATA, easy);
    SET(handle, CURLOPT_HEADERDATA, easy);
    SET(handle, CURLOPT_WRITEDATA, easy);
    SET(handle, CURLOPT_PRIVATE, easy);
    SET(handle, CURLOPT_NOSIGNAL, 1L);
    SET(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(handle, CURLOPT_HTTP09_ALLOWED, 0L);
    SET(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(handle, CURLOPT_FOLLOWLOCATION, 0L);
    SET(handle, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(handle, CURLOPT_HTTP_CONTENT_DECODING, 0L); /* see gunzip.h */
    SET(handle, CURLOPT_BUFFERSIZE, (long)OF_RECEIVE);
    SET(handle, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_SECONDS);
    SET(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    if (config->options.ca_file != NULL) {
        SET(handle, CURLOPT_CAINFO, config->options.ca_file);
        SET(handle, CURLOPT_CAPATH, NULL);
    }
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(handle, CURLOPT_PROTOCOLS_STR, config->url.tls ? "https" : "http");
#else
    SET(handle, CURLOPT_PROTOCOLS, config->url.tls ? (long)CURLPROTO_HTTPS : (long)CURLPROTO_HTTP);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(handle, CURLOPT_QUICK_EXIT, 1L); /* a name server that hangs does not hold a time-out up */
#endif
    /* The environment is asked only when told so, and nothing ever stands before this machine. */
    bool direct = config->options.proxy == NULL || config->url.loopback;
    if (direct || strcmp(config->options.proxy, "env") != 0) {
        SET(handle, CURLOPT_PROXY, direct ? "" : config->options.proxy);
        SET(handle, CURLOPT_NOPROXY, ""); /* or the environment is searched for it, each time */
    }
    if (!direct)
        SET(handle, CURLOPT_USERAGENT, config->options.user_agent); /* what a proxy gets to know */
    SET(handle, CURLOPT_OPENSOCKETFUNCTION, on_open);
    SET(handle, CURLOPT_OPENSOCKETDATA, easy);
    SET(handle, CURLOPT_CLOSESOCKETFUNCTION, of_connections_close);
    SET(handle, CURLOPT_CLOSESOCKETDATA, &easy->context->connections);
    SET(handle, CURLOPT_PREREQFUNCTION, on_request);
    SET(handle, CURLOPT_HEADERFUNCTION, on_header);
    SET(handle, CURLOPT_WRITEFUNCTION, on_body);
    SET(handle, CURLOPT_READFUNCTION, on_form); /* where there are no POSTFIELDS */
    SET(handle, CURLOPT_READDATA, easy);
    SET(handle, CURLOPT_SEEKFUNCTION, on_form_seek);
    SET(handle, CURLOPT_SEEKDATA, easy);
    return true;
}

void of_easy_free(of_easy *easy) {
    if (easy->handle != NULL)
        curl_easy_cleanup(easy->handle);
    free(easy);
}

of_easy *of_easy_acquire(of_owner *owner, of_easy_context *context) {
    of_share *share = &owner->shares[context->share];
    of_easy *easy = share->idle;
    if (easy != NULL) {
        share->idle = easy->next;
        share->idle_count--;
        return easy;
    }
    easy = calloc(1, sizeof *easy);
    if (easy == NULL)
        return NULL;
    easy->context = context;
    easy->get = true;
    easy->handle = curl_easy_init();
    if (easy->handle == NULL || !prepare(easy, owner)) {
        of_easy_free(easy);
        return NULL;
    }
    return easy;
}

/* The handle lives on, so no pointer into the transfer may stay in it. */
static bool forget_transfer(of_easy *easy) {
    CURL *handle = easy->handle;
    easy->transfer = NULL;
    SET(handle, CURLOPT_HTTPHEADER, NULL);
    SET(handle, CURLOPT_REQUEST_TARGET, NULL);
    if (!easy->get)
        SET(handle, CURLOPT_POSTFIELDS, NULL);
    return true;
}

void of_easy_release(of_owner *owner, of_easy_context *context, of_easy *easy, bool good) {
    of_share *share = &owner->shares[context->share];
    bool keep_it = good && !its_quirks()->keeps_line &&
                   share->idle_count < owner->config.options.concurrency && forget_transfer(easy);
    if (keep_it) {
        easy->next = share->idle;
        share->idle = easy;
        share->idle_count++;
    } else {
        of_easy_free(easy);
    }
}

/* A file is not hurried but may not stall. */
static bool set_up_stream(of_easy *easy, const of_transfer *transfer, bool streams) {
    CURL *handle = easy->handle;
    SET(handle, CURLOPT_LOW_SPEED_LIMIT, streams ? 1L : 0L);
    SET(handle, CURLOPT_LOW_SPEED_TIME, streams ? transfer->owner->config.options.stall : 0L);
    easy->streams = streams;
    return true;
}

static bool set_connect_timeout(of_easy *easy, long milliseconds) {
    if (easy->connect_timeout != milliseconds)
        SET(easy->handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
    easy->connect_timeout = milliseconds;
    return true;
}

/* Whoever drives it has an eye on the time. libcurl's is longer, but not by much: an address that
   does not answer is given a half of what is left before the next one is tried. */
static long connect_timeout_of(const of_easy *easy) {
    long long left = easy->transfer->connect_end - easy->context->now;
    return (long)(left + left / 4 + 1);
}

void of_easy_keep_connecting(of_easy *easy) { (void)set_connect_timeout(easy, INT_MAX); }

/* All of it, so that nothing of the request before remains. */
bool of_easy_set_up(of_easy *easy, of_transfer *transfer) {
    CURL *handle = easy->handle;
    bool get = transfer->body_out == NULL && transfer->form == NULL &&
               strcmp(transfer->method, "GET") == 0;
    bool streams = of_transfer_streams(transfer);
    long idle = transfer->repeatable ? IDLE_SECONDS : IDLE_SECONDS_ONCE;
    easy->transfer = transfer;
    easy->message[0] = '\0';
    /* Path and query as one: libcurl (7.88) sends an URL without its query when it lacks memory. */
    SET(handle, CURLOPT_REQUEST_TARGET, transfer->url.bytes);
    SET(handle, CURLOPT_HTTPHEADER, transfer->headers);
    transfer->form_sent = 0;
    if (streams != easy->streams && !set_up_stream(easy, transfer, streams))
        return false;
    if (!get) {
        curl_off_t length = (curl_off_t)transfer->body_out_length;
        SET(handle, CURLOPT_POST, 1L);
        if (transfer->form != NULL) {
            length = (curl_off_t)of_form_length(transfer->form);
            SET(handle, CURLOPT_POSTFIELDS, NULL);
        } else {
            SET(handle, CURLOPT_POSTFIELDS, transfer->body_out != NULL ? transfer->body_out : "");
        }
        SET(handle, CURLOPT_POSTFIELDSIZE_LARGE, length);
        SET(handle, CURLOPT_CUSTOMREQUEST, transfer->method);
    } else if (!easy->get) {
        SET(handle, CURLOPT_HTTPGET, 1L);
        SET(handle, CURLOPT_CUSTOMREQUEST, NULL);
    }
    easy->get = get;
    if (!set_connect_timeout(easy, connect_timeout_of(easy)))
        return false;
    if (easy->idle_seconds != idle)
        SET(handle, CURLOPT_MAXAGE_CONN, idle);
    easy->idle_seconds = idle;
    if (easy->fresh != transfer->fresh)
        SET(handle, CURLOPT_FRESH_CONNECT, transfer->fresh ? 1L : 0L);
    easy->fresh = transfer->fresh;
#if LIBCURL_VERSION_NUM >= 0x075700
    static const long seconds[OF_TRUSTS] = {24 * 3600, 1, 0};
    of_trust trust = easy->context->trust;
    if (easy->trust != trust)
        SET(handle, CURLOPT_CA_CACHE_TIMEOUT, seconds[trust]);
    easy->trust = trust;
#endif
    transfer->allocation_failures = of_allocation_failures();
    return true;
}

bool of_easy_connects(CURL *handle) {
    const of_transfer *transfer = of_easy_transfer(handle);
    return transfer != NULL && transfer->wire == 0;
}

bool of_easy_stands_still(CURL *handle) {
    if (!its_quirks()->stands_still || !of_easy_connects(handle))
        return false;
    of_easy_transfer(handle)->easy->still = true;
    return true;
}

/* What goes on after a pause is called at once; one that has no connection (any more) refuses. */
bool of_easy_go_on(of_easy *easy) {
    if (!easy->still)
        return true;
    easy->still = false;
    CURLcode code = curl_easy_pause(easy->handle, CURLPAUSE_SEND);
    if (code == CURLE_OK)
        code = curl_easy_pause(easy->handle, CURLPAUSE_CONT);
    return code == CURLE_OK || code == CURLE_BAD_FUNCTION_ARGUMENT;
}

bool of_easy_resume(of_easy *easy) {
    easy->transfer->paused = false;
    return curl_easy_pause(easy->handle, CURLPAUSE_CONT) == CURLE_OK;
}

CURL *of_easy_handle(of_easy *easy) { return easy->handle; }

of_transfer *of_easy_transfer(CURL *handle) {
    char *easy = NULL;
    if (curl_easy_getinfo(handle, CURLINFO_PRIVATE, &easy) != CURLE_OK || easy == NULL)
        return NULL;
    return ((of_easy *)(void *)easy)->transfer;
}

/* ---- the end of a transfer ------------------------------------------------------------------- */

/* libcurl calls a header line beyond its own limit a lack of memory. */
static bool refused_line(const of_transfer *transfer, CURLcode code) {
    return code == CURLE_OUT_OF_MEMORY && transfer->wire > 0 &&
           of_curl_init() == OF_ZEROING_PROCESS &&
           transfer->allocation_failures == of_allocation_failures();
}

/* And a lack of memory it may call a host that it cannot find. */
static bool lacked_memory(const of_transfer *transfer) {
    return transfer->allocation_failures != of_allocation_failures();
}

/* A peer that hangs up during the handshake has broken a connection, not failed a check: libcurl
   has one code for both. (Its system error may be an older one, of another address: 8.14.) */
static bool hung_up(const char *message, long os_error) {
    static const char *const words[] = {
        "Recv failure: ", /* libcurl: the system's error, as of a reset */
        "Send failure: ",
        " in connection to ",           /* libcurl to 8.10: neither TLS nor the system has one */
        "error:00000000:",              /* the same, from 8.11 on */
        "unexpected eof while reading", /* OpenSSL 3 */
        "non-properly terminated",      /* GnuTLS */
        "in the pull function",
    };
    bool found = os_error == ECONNRESET || os_error == EPIPE;
    for (size_t i = 0; i < sizeof words / sizeof *words && !found; i++)
        found = strstr(message, words[i]) != NULL;
    return found;
}

/* All of it came. A file without bytes is not the file that was asked for. */
static void finish_file(of_transfer *transfer) {
    if (!transfer->judged)
        judge(transfer);
    if (!transfer->accepted)
        return;
    if (transfer->received == 0)
        transfer->stop = OF_STOP_EMPTY;
    else if (transfer->answer == OF_ANSWER_TARGET && !of_target_commit(transfer->target))
        transfer->stop = OF_STOP_TARGET;
}

/* What the header lines say, all of which came. Of an answer that was cut in them nothing counts:
   it may be another one's. */
static bool read_head(of_transfer *transfer) {
    CURL *handle = transfer->easy->handle;
    curl_off_t retry_after = 0;
    of_buffer_cut(&transfer->head, transfer->head_length);
    if (transfer->head_length == 0)
        return true;
    if (curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &transfer->status) != CURLE_OK ||
        curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &retry_after) != CURLE_OK)
        return false;
    if (retry_after > 0) { /* a past date is negative */
        transfer->retry_after = retry_after < INT32_MAX ? (long)retry_after : INT32_MAX;
    }
    return true;
}

/* What failed before anything was sent, and not for its time, may have wanted a descriptor: for a
   socket, for a look-up, for the file of certificates. libcurl does not tell. */
static const char *shortage_of(const of_transfer *transfer, of_kind kind) {
    if (transfer->wire > 0 || kind == OF_OK || kind == OF_TIMEOUT)
        return NULL;
    return transfer->shortage != NULL ? transfer->shortage : of_shortage_now();
}

of_kind of_easy_read_result(of_easy *easy, CURLcode code, char *message, size_t room) {
    of_transfer *transfer = easy->transfer;
    CURL *handle = easy->handle;
    long os_error = 0;
    if (!read_head(transfer) ||
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
            finish_file(transfer);
        }
    }
    switch (transfer->stop) {
    case OF_STOP_GUARD:
        /* Wanted again after an answer (417): that answer counts. Otherwise the connection died. */
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
        snprintf(message, room, "a file was expected, no bytes came");
        break;
    case OF_STOP_TARGET:
        kind = OF_IO;
        of_target_failure(transfer->target, message, room);
        break;
    case OF_STOP_STALE:
    case OF_STOP_LATE:
    case OF_STOP_NONE:
        if (code == CURLE_SSL_CONNECT_ERROR && hung_up(easy->message, os_error))
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
            const char *text = easy->message;
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
