#include "easy.h"

#include "curl_init.h"
#include "receive.h"
#include "result.h"
#include "system.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if LIBCURL_VERSION_NUM < 0x075000
#error                                                                                             \
    "oneflow needs libcurl 7.80 or newer: without its pre-request callback a POST could be sent twice"
#endif

enum {
    IDLE_SECONDS = 50, /* shorter than the 60 to 75 s after which servers close */
    IDLE_SECONDS_ONCE =
        5, /* for requests that must not be repeated: a young connection is more likely alive */
    CONNECTION_SECONDS = 300,
};

/* A handle, and the values of its options: comparing is cheaper than setting an option again. */
struct of_easy {
    CURL *handle;
    of_easy *next; /* in the list of idle handles */
    of_easy_context *context;
    of_transfer *transfer; /* the transfer whose request it carries */
    long connect_timeout;
    long idle_seconds;
    bool fresh;
    bool streams;
    bool stalled;
    of_trust trust;
    bool get; /* set to a GET without a body, as a new handle is */
    char message[CURL_ERROR_SIZE];
};

/* Defects of the libcurl in use. keeps_line: from 7.83 to 8.1.1 an easy handle keeps a pointer to
   the last header line of its previous answer, and appends to that freed memory a folded line that
   precedes the first line of the next answer. stalls: from 7.88 to 8.4 libcurl goes on to the next
   address of a host without asking to be called for it. */
static struct quirks {
    bool keeps_line;
    bool stalls;
} quirks;

static void find_quirks(void) {
    unsigned version = curl_version_info(CURLVERSION_NOW)->version_num;
    quirks.keeps_line = version >= 0x075300 && version < 0x080102;
    quirks.stalls = version >= 0x075800 && version < 0x080500;
}

static const struct quirks *its_quirks(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_quirks);
    return &quirks;
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
        /* A connection that is not on record cannot be checked. */
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
#ifndef ONEFLOW_WITHOUT_GUARD /* only the spec that shows the need for the guard omits it */
    /* If a reused connection dies without an answer, libcurl sends the request again. */
    if (transfer->wire > 1) {
        transfer->stop = OF_STOP_GUARD;
        return CURL_PREREQFUNC_ABORT;
    }
#endif
    return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context) {
    of_easy *easy = context;
    return of_receive_header(easy->transfer, easy->handle, bytes, size * count);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
    of_easy *easy = context;
    return of_receive_body(easy->transfer, easy->handle, bytes, size * count);
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

/* Called before libcurl sends a request again, which the guard then prevents. */
static int on_form_seek(void *context, curl_off_t offset, int origin) {
    of_transfer *transfer = ((of_easy *)context)->transfer;
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    transfer->form_sent = offset;
    return CURL_SEEKFUNC_OK;
}

/* ---- the handle ------------------------------------------------------------------------------ */

/* If libcurl refuses an option, it lacks something that this library guarantees: then no handle is
   made. */
#define SET(handle, option, value)                                                                 \
    do {                                                                                           \
        if (curl_easy_setopt((handle), (option), (value)) != CURLE_OK)                             \
            return false;                                                                          \
    } while (0)

/* The engine's origin, parsed once. */
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

/* Sets the options that are the same for every request of an engine. */
static bool prepare(of_easy *easy, of_owner *owner) {
    CURL *handle = easy->handle;
    const of_config *config = &owner->config;
    CURLU *origin = origin_of(&owner->shares[easy->context->share], config);
    if (origin == NULL)
        return false;
    SET(handle, CURLOPT_CURLU, origin);
    SET(handle, CURLOPT_URL, config->url.origin); /* otherwise libcurl would assemble it again */
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
    SET(handle, CURLOPT_QUICK_EXIT,
        1L); /* a name server that does not answer must not delay a time-out */
#endif
    /* The environment is used only with proxy = "env", and a loopback address never uses a
       proxy. */
    bool direct = config->options.proxy == NULL || config->url.loopback;
    if (direct || strcmp(config->options.proxy, "env") != 0) {
        SET(handle, CURLOPT_PROXY, direct ? "" : config->options.proxy);
        SET(handle, CURLOPT_NOPROXY, ""); /* otherwise libcurl searches the environment each time */
    }
    if (!direct)
        SET(handle, CURLOPT_USERAGENT, config->options.user_agent); /* sent to a proxy */
    SET(handle, CURLOPT_OPENSOCKETFUNCTION, on_open);
    SET(handle, CURLOPT_OPENSOCKETDATA, easy);
    SET(handle, CURLOPT_CLOSESOCKETFUNCTION, of_connections_close);
    SET(handle, CURLOPT_CLOSESOCKETDATA, &easy->context->connections);
    SET(handle, CURLOPT_PREREQFUNCTION, on_request);
    SET(handle, CURLOPT_HEADERFUNCTION, on_header);
    SET(handle, CURLOPT_WRITEFUNCTION, on_body);
    SET(handle, CURLOPT_READFUNCTION, on_form); /* used when there are no POSTFIELDS */
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

/* The handle is kept, so it must not keep a pointer into the transfer. */
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

/* A file may come slowly, but must not stall. */
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

/* libcurl's connect timeout. The multi watches the real one; libcurl's is a little longer, but not
   by much: libcurl gives each address half of the remaining time before it tries the next one. */
static long connect_timeout_of(const of_easy *easy) {
    long long left = easy->transfer->connect_end - easy->context->now;
    return (long)(left + left / 4 + 1);
}

void of_easy_keep_connecting(of_easy *easy) { (void)set_connect_timeout(easy, INT_MAX); }

/* Sets every option that depends on the request, so that nothing of the previous request
   remains. */
bool of_easy_set_up(of_easy *easy, of_transfer *transfer) {
    CURL *handle = easy->handle;
    bool get = transfer->body_out == NULL && transfer->form == NULL &&
               strcmp(transfer->method, "GET") == 0;
    bool streams = of_transfer_streams(transfer);
    long idle = transfer->repeatable ? IDLE_SECONDS : IDLE_SECONDS_ONCE;
    easy->transfer = transfer;
    easy->message[0] = '\0';
    /* Path and query in one option: libcurl (7.88) sends a URL without its query when it lacks
       memory. */
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

bool of_easy_stalled(CURL *handle) {
    if (!its_quirks()->stalls || !of_easy_connects(handle))
        return false;
    of_easy_transfer(handle)->easy->stalled = true;
    return true;
}

/* A transfer that resumes after a pause is called at once. libcurl refuses this, harmlessly, for
   one without a connection. */
bool of_easy_go_on(of_easy *easy) {
    if (!easy->stalled)
        return true;
    easy->stalled = false;
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

of_kind of_easy_read_result(of_easy *easy, CURLcode code, char *message, size_t room) {
    return of_result_read(easy->transfer, easy->handle, code, easy->message, message, room);
}
