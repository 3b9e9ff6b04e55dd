#define _GNU_SOURCE
#include "engine.h"
#include "stale.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#if LIBCURL_VERSION_NUM < 0x075000
#error                                                                                             \
    "oneflow needs libcurl 7.80 or newer: without its pre-request callback a POST could be sent twice"
#endif

enum {
    HEAD_LIMIT = 64 * 1024, /* bytes of one answer's header lines */
    IDLE_SECONDS = 50,      /* below the 60 to 75 s after which servers close */
    IDLE_SECONDS_ONCE =
        5, /* for what must not be repeated: a younger connection is more surely alive */
    CONNECTION_SECONDS = 300,
    URL_LIMIT = 64 * 1024,
    POOL = 16,
    RECEIVE = 8 * 1024, /* libcurl's buffer, wiped after each transfer: most answers need no more */
    SPARE_LIMIT = 64 * 1024,  /* bytes that an idle buffer may keep */
    POLL_MILLISECONDS = 100,  /* some libcurl versions lose wake-ups: never wait longer in one go */
    SLICE_MILLISECONDS = 250, /* after which a caller gets to see its signals */
};

typedef enum state { QUEUED, RUNNING, DONE } state;

/* Why a callback stopped a transfer: libcurl's code does not say. */
typedef enum stop { STOP_NONE, STOP_GUARD, STOP_STALE, STOP_HEAD, STOP_BODY, STOP_MEMORY } stop;

/* An open connection. Between two requests no input may wait on it. */
typedef struct connection {
    int fd;
    int port; /* on this side, by which a request finds its connection; 0: not asked yet */
    bool used;
} connection;

/* An easy handle that carries one transfer after the other, and what is set in it: setting an
   option costs more than remembering it. */
typedef struct carrier {
    CURL *easy;
    of_transfer *transfer; /* whose request it carries */
    long timeout;
    long idle_seconds;
    bool fresh;
    bool get; /* a GET without a body, which is what a new handle does */
    char message[CURL_ERROR_SIZE];
} carrier;

struct of_transfer {
    of_engine *engine;          /* counted */
    of_transfer *next;          /* in the engine's list; NULL and unlisted once done */
    carrier *slot;              /* the engine's, lent while it runs */
    of_buffer header_text;      /* the header lines, each ended by a NUL */
    struct curl_slist *headers; /* libcurl's list over those lines */
    of_buffer url;
    const char *method; /* not ours: a constant */
    char *body_out;
    size_t body_out_length;
    long timeout;
    unsigned long refusals; /* of memory, before it began */
    bool repeatable;
    bool fresh;
    bool released; /* by its owner */
    state state;
    stop stop;
    of_buffer head;
    of_buffer body;
    of_kind kind;
    long status;
    long wire;
    long connects;
    long retry_after;
    char *message; /* of a failure; NULL: no memory even for that */
};

struct of_engine {
    long references;
    bool closed;
    unsigned process; /* that its connections belong to */
    of_url url;
    of_token token;
    char *user_agent;
    char *ca_file;
    char *proxy;
    long connect_timeout;
    long concurrency;
    size_t max_body;
    CURLM *multi;
    carrier *idle[POOL];
    size_t idle_count;
    of_transfer *transfers; /* queued and running, oldest first */
    of_transfer *spare;     /* a used one, wiped, whose buffers serve the next */
    long running;
    connection *sockets; /* open ones, so that a child process can close its copies */
    size_t socket_count;
    size_t socket_capacity;
};

const char *of_kind_name(of_kind kind) {
    static const char *const names[] = {
#define OF_KIND_NAME(name, text) text,
        OF_KINDS(OF_KIND_NAME)
#undef OF_KIND_NAME
    };
    return names[kind];
}

/* ---- libcurl's codes ---------------------------------------------------------------------- */

/* Every code that is not listed is a connection that failed. */
#define CODES(X)                                                                                   \
    X(CURLE_OPERATION_TIMEDOUT, OF_TIMEOUT)                                                        \
    X(CURLE_OUT_OF_MEMORY, OF_MEMORY)                                                              \
    X(CURLE_BAD_CONTENT_ENCODING, OF_DECODE)                                                       \
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

static of_kind kind_of(CURLcode code) {
    switch (code) {
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

/* ---- callbacks: no Lua here, a reason is noted and the transfer cut short ---------------------
 */

static int port_of(int fd) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any = {0}};
    socklen_t length = sizeof address;
    if (getsockname(fd, &address.any, &length) != 0)
        return -1;
    if (address.any.sa_family == AF_INET)
        return ntohs(address.v4.sin_port);
    return address.any.sa_family == AF_INET6 ? ntohs(address.v6.sin6_port) : -1;
}

/* Marks the connection as used -> whether it was, and is not fit to be again. */
static bool stale(of_transfer *transfer, int local_port) {
    of_engine *engine = transfer->engine;
    for (size_t i = 0; i < engine->socket_count; i++) {
        connection *socket = &engine->sockets[i];
        if (socket->port == 0)
            socket->port = port_of(socket->fd);
        if (socket->port != local_port)
            continue;
        bool found =
            socket->used && of_input_waits(transfer->slot->easy, socket->fd, engine->url.tls);
        socket->used = true;
        return found;
    }
    return false;
}

static int on_request(void *context, char *remote, char *local, int remote_port, int local_port) {
    (void)local, (void)remote, (void)remote_port;
    of_transfer *transfer = ((carrier *)context)->transfer;
    if (transfer->wire == 0 && stale(transfer, local_port) && !transfer->fresh) {
        transfer->stop = STOP_STALE;
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->wire++;
#ifndef ONEFLOW_WITHOUT_GUARD /* only the spec that shows what the guard is for leaves it out */
    /* A reused connection that dies without an answer makes libcurl send the request again. */
    if (transfer->wire > 1) {
        transfer->stop = STOP_GUARD;
        return CURL_PREREQFUNC_ABORT;
    }
#endif
    return CURL_PREREQFUNC_OK;
}

static size_t keep(of_transfer *transfer, of_buffer *buffer, const char *bytes, size_t length,
                   stop reason) {
    if (of_buffer_append(buffer, bytes, length))
        return length;
    transfer->stop = buffer->starved ? STOP_MEMORY : reason;
    return length == 0 ? 1 : 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context) {
    of_transfer *transfer = ((carrier *)context)->transfer;
    size_t length = size * count;
    /* Of several answers (100, 103, then 200) only the last one counts. */
    if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
        of_buffer_clear(&transfer->head);
    return keep(transfer, &transfer->head, bytes, length, STOP_HEAD);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
    of_transfer *transfer = ((carrier *)context)->transfer;
    return keep(transfer, &transfer->body, bytes, size * count, STOP_BODY);
}

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)purpose;
    of_engine *engine = context;
    if (engine->socket_count == engine->socket_capacity) {
        size_t capacity = engine->socket_capacity ? engine->socket_capacity * 2 : 8;
        connection *sockets = realloc(engine->sockets, capacity * sizeof *sockets);
        if (sockets == NULL)
            return CURL_SOCKET_BAD;
        engine->sockets = sockets;
        engine->socket_capacity = capacity;
    }
    int type = address->socktype;
#ifdef SOCK_CLOEXEC
    type |= SOCK_CLOEXEC;
#endif
    int fd = socket(address->family, type, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
#ifndef SOCK_CLOEXEC
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
    engine->sockets[engine->socket_count++] = (connection){.fd = fd};
    return fd;
}

static int on_close(void *context, curl_socket_t fd) {
    of_engine *engine = context;
    for (size_t i = 0; i < engine->socket_count; i++) {
        if (engine->sockets[i].fd == fd) {
            engine->sockets[i] = engine->sockets[--engine->socket_count];
            break;
        }
    }
    return close(fd);
}

/* ---- easy handles ------------------------------------------------------------------------- */

/* A refused option is a libcurl that lacks something this library promises: then there is no
 * handle. */
#define SET(easy, option, value)                                                                   \
    do {                                                                                           \
        if (curl_easy_setopt((easy), (option), (value)) != CURLE_OK)                               \
            return false;                                                                          \
    } while (0)

/* What is the same for every request of an engine. */
static bool prepare(of_engine *engine, carrier *slot) {
    CURL *easy = slot->easy;
    SET(easy, CURLOPT_ERRORBUFFER, slot->message);
    SET(easy, CURLOPT_PREREQDATA, slot);
    SET(easy, CURLOPT_HEADERDATA, slot);
    SET(easy, CURLOPT_WRITEDATA, slot);
    SET(easy, CURLOPT_PRIVATE, slot);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(easy, CURLOPT_PATH_AS_IS, 1L);
    SET(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(easy, CURLOPT_USERAGENT, engine->user_agent);
    SET(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, engine->connect_timeout);
    SET(easy, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_SECONDS);
    SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (engine->ca_file != NULL) {
        SET(easy, CURLOPT_CAINFO, engine->ca_file);
        SET(easy, CURLOPT_CAPATH, NULL);
    }
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(easy, CURLOPT_PROTOCOLS_STR, engine->url.tls ? "https" : "http");
#else
    SET(easy, CURLOPT_PROTOCOLS, engine->url.tls ? (long)CURLPROTO_HTTPS : (long)CURLPROTO_HTTP);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(easy, CURLOPT_QUICK_EXIT, 1L); /* a name server that hangs does not hold a time-out up */
#endif
    /* The environment is asked only when told so, and nothing ever stands before this machine. */
    if (engine->proxy == NULL || engine->url.loopback) {
        SET(easy, CURLOPT_PROXY, "");
        SET(easy, CURLOPT_NOPROXY, ""); /* or the environment is searched for it, each time */
    } else if (strcmp(engine->proxy, "env") != 0) {
        SET(easy, CURLOPT_PROXY, engine->proxy);
        SET(easy, CURLOPT_NOPROXY, "");
    }
    SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    SET(easy, CURLOPT_OPENSOCKETDATA, engine);
    SET(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    SET(easy, CURLOPT_CLOSESOCKETDATA, engine);
    SET(easy, CURLOPT_PREREQFUNCTION, on_request);
    SET(easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(easy, CURLOPT_WRITEFUNCTION, on_body);
    return true;
}

static void free_slot(carrier *slot) {
    if (slot->easy != NULL)
        curl_easy_cleanup(slot->easy);
    free(slot);
}

static carrier *take_slot(of_engine *engine) {
    if (engine->idle_count > 0)
        return engine->idle[--engine->idle_count];
    carrier *slot = calloc(1, sizeof *slot);
    if (slot == NULL)
        return NULL;
    slot->get = true;
    slot->easy = curl_easy_init();
    if (slot->easy == NULL || !prepare(engine, slot)) {
        free_slot(slot);
        return NULL;
    }
    return slot;
}

/* What is a request's own: all of it, so that nothing of the request before remains. */
static bool arm(of_transfer *transfer, carrier *slot) {
    CURL *easy = slot->easy;
    bool get = transfer->body_out == NULL && strcmp(transfer->method, "GET") == 0;
    long idle = transfer->repeatable ? IDLE_SECONDS : IDLE_SECONDS_ONCE;
    slot->transfer = transfer;
    slot->message[0] = '\0';
    SET(easy, CURLOPT_URL, transfer->url.bytes);
    SET(easy, CURLOPT_HTTPHEADER, transfer->headers);
    if (!get) {
        SET(easy, CURLOPT_POST, 1L);
        SET(easy, CURLOPT_POSTFIELDS, transfer->body_out != NULL ? transfer->body_out : "");
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body_out_length);
        SET(easy, CURLOPT_CUSTOMREQUEST, transfer->method);
    } else if (!slot->get) {
        SET(easy, CURLOPT_HTTPGET, 1L);
        SET(easy, CURLOPT_CUSTOMREQUEST, NULL);
    }
    slot->get = get;
    if (slot->timeout != transfer->timeout)
        SET(easy, CURLOPT_TIMEOUT_MS, transfer->timeout);
    slot->timeout = transfer->timeout;
    if (slot->idle_seconds != idle)
        SET(easy, CURLOPT_MAXAGE_CONN, idle);
    slot->idle_seconds = idle;
    if (slot->fresh != transfer->fresh)
        SET(easy, CURLOPT_FRESH_CONNECT, transfer->fresh ? 1L : 0L);
    slot->fresh = transfer->fresh;
    transfer->refusals = of_refusals();
    return true;
}

/* The handle lives on, so no pointer into the transfer may stay in it. */
static void give_slot(of_engine *engine, carrier *slot) {
    slot->transfer = NULL;
    curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, NULL);
    if (!slot->get)
        curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, NULL);
    if (engine->idle_count < POOL && !engine->closed) {
        engine->idle[engine->idle_count++] = slot;
    } else {
        free_slot(slot);
    }
}

/* ---- SIGPIPE ------------------------------------------------------------------------------ */

/* TLS may write to a connection that its peer closed, also while it is being closed: the signal is
   blocked for this thread while libcurl works, and swallowed. Plain sends do not raise it. */
typedef struct pipe_guard {
    bool on;
    bool was_pending;
    sigset_t old;
} pipe_guard;

static bool pipe_pending(void) {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
}

static pipe_guard block_pipe(const of_engine *engine) {
    pipe_guard guard = {.on = engine->url.tls};
    if (guard.on) {
        sigset_t pipe_set;
        sigemptyset(&pipe_set);
        sigaddset(&pipe_set, SIGPIPE);
        guard.was_pending = pipe_pending();
        pthread_sigmask(SIG_BLOCK, &pipe_set, &guard.old);
    }
    return guard;
}

static void unblock_pipe(const pipe_guard *guard) {
    if (!guard->on)
        return;
    if (!guard->was_pending && pipe_pending()) {
        sigset_t pipe_set;
        int ignored;
        sigemptyset(&pipe_set);
        sigaddset(&pipe_set, SIGPIPE);
        sigwait(&pipe_set, &ignored);
    }
    pthread_sigmask(SIG_SETMASK, &guard->old, NULL);
}

/* ---- transfers ---------------------------------------------------------------------------- */

/* Nothing of what it carried is left in the buffer, but its memory. */
static void wipe(of_buffer *buffer) {
    if (buffer->capacity > SPARE_LIMIT) {
        of_buffer_free(buffer);
    } else {
        of_wipe(buffer->bytes, buffer->length);
        of_buffer_clear(buffer);
    }
}

static void free_request(of_transfer *transfer) {
    free(transfer->headers);
    transfer->headers = NULL;
    wipe(&transfer->header_text);
    wipe(&transfer->url);
    if (transfer->body_out != NULL)
        of_wipe(transfer->body_out, transfer->body_out_length);
    free(transfer->body_out);
    transfer->body_out = NULL;
}

static void free_spare(of_engine *engine) {
    of_transfer *spare = engine->spare;
    engine->spare = NULL;
    if (spare == NULL)
        return;
    of_buffer_free(&spare->header_text);
    of_buffer_free(&spare->url);
    of_buffer_free(&spare->head);
    of_buffer_free(&spare->body);
    free(spare);
}

static of_transfer *new_transfer(of_engine *engine) {
    of_transfer *transfer = engine->spare;
    engine->spare = NULL;
    if (transfer == NULL) {
        transfer = calloc(1, sizeof *transfer);
        if (transfer == NULL)
            return NULL;
        of_buffer_init(&transfer->header_text, HEAD_LIMIT);
        of_buffer_init(&transfer->url, URL_LIMIT);
        of_buffer_init(&transfer->head, HEAD_LIMIT);
        of_buffer_init(&transfer->body, engine->max_body);
    }
    of_engine_ref(engine);
    transfer->engine = engine;
    return transfer;
}

static void free_transfer(of_transfer *transfer) {
    of_engine *engine = transfer->engine;
    free_request(transfer);
    free(transfer->message);
    wipe(&transfer->head);
    wipe(&transfer->body);
    *transfer = (of_transfer){.header_text = transfer->header_text,
                              .url = transfer->url,
                              .head = transfer->head,
                              .body = transfer->body};
    free_spare(engine);
    engine->spare = transfer;
    if (engine->closed)
        free_spare(engine);
    of_engine_unref(engine);
}

/* The one way to the end: out of the list, the handle back, and freed if its owner is gone. */
static void end(of_transfer *transfer, of_kind kind, const char *message) {
    of_engine *engine = transfer->engine;
    if (transfer->slot != NULL) {
        curl_multi_remove_handle(engine->multi, transfer->slot->easy);
        give_slot(engine, transfer->slot);
        transfer->slot = NULL;
        engine->running--;
    }
    of_transfer **link = &engine->transfers;
    while (*link != transfer)
        link = &(*link)->next;
    *link = transfer->next;
    transfer->next = NULL;
    free_request(transfer);
    transfer->state = DONE;
    transfer->kind = kind;
    if (kind != OF_OK)
        transfer->message = of_copy(message, strlen(message));
    if (transfer->released)
        free_transfer(transfer);
}

/* libcurl calls a header line beyond its own limit a lack of memory. */
static bool refused_line(const of_transfer *transfer, CURLcode code) {
    return code == CURLE_OUT_OF_MEMORY && transfer->wire > 0 &&
           of_global_init() == OF_ZEROING_PROCESS && transfer->refusals == of_refusals();
}

/* Nothing was sent on the stale connection: once more, on a new one. */
static bool start_fresh(of_transfer *transfer) {
    CURLM *multi = transfer->engine->multi;
    transfer->stop = STOP_NONE;
    transfer->fresh = true;
    curl_multi_remove_handle(multi, transfer->slot->easy);
    return arm(transfer, transfer->slot) &&
           curl_multi_add_handle(multi, transfer->slot->easy) == CURLM_OK;
}

static void finish(of_transfer *transfer, CURLcode code) {
    if (transfer->stop == STOP_STALE && start_fresh(transfer))
        return;
    CURL *easy = transfer->slot->easy;
    curl_off_t retry_after = 0;
    long os_error = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &transfer->connects);
    if (code != CURLE_OK)
        curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK &&
        retry_after > 0) {
        transfer->retry_after =
            retry_after < INT32_MAX ? (long)retry_after : INT32_MAX; /* a past date is negative */
    }

    char message[CURL_ERROR_SIZE + 256] = "";
    size_t room = sizeof message;
    of_kind kind = kind_of(code);
    switch (transfer->stop) {
    case STOP_GUARD:
        /* Wanted again after an answer (417): that answer counts. Otherwise the connection died. */
        kind = transfer->status != 0 ? OF_OK : OF_CONNECTION;
        snprintf(message, room,
                 "the connection died after the request was sent; it was not sent again");
        break;
    case STOP_HEAD:
        kind = OF_LIMIT;
        snprintf(message, room, "the answer's headers exceed %d bytes", HEAD_LIMIT);
        break;
    case STOP_BODY:
        kind = OF_LIMIT;
        snprintf(message, room, "the answer's body exceeds %zu bytes", transfer->body.limit);
        break;
    case STOP_MEMORY:
        kind = OF_MEMORY;
        snprintf(message, room, "out of memory");
        break;
    case STOP_STALE:
    case STOP_NONE:
        /* A peer that hangs up during the handshake has broken a connection, not failed a check. */
        if (code == CURLE_SSL_CONNECT_ERROR && os_error != 0)
            kind = OF_CONNECTION;
        if (refused_line(transfer, code)) {
            kind = OF_LIMIT;
            snprintf(message, room, "a header line of the answer is too long");
        } else if (kind != OF_OK) {
            const char *text = transfer->slot->message;
            snprintf(message, room, "%s", text[0] != '\0' ? text : curl_easy_strerror(code));
            if (kind == OF_TLS) {
                size_t used = strlen(message);
                snprintf(message + used, room - used, " (CA file: %s)",
                         of_engine_ca(transfer->engine));
            }
        }
        break;
    }
    end(transfer, kind, message);
}

void of_transfer_cancel(of_transfer *transfer) {
    if (transfer->state == DONE)
        return;
    pipe_guard guard = block_pipe(transfer->engine);
    end(transfer, OF_CANCELLED, "cancelled");
    unblock_pipe(&guard);
}

bool of_transfer_done(const of_transfer *transfer) { return transfer->state == DONE; }

void of_transfer_release(of_transfer *transfer) {
    transfer->released = true;
    if (transfer->state == DONE) {
        free_transfer(transfer);
    } else {
        of_transfer_cancel(transfer);
    }
}

void of_transfer_result(const of_transfer *transfer, of_result *result) {
    *result = (of_result){
        .kind = transfer->kind,
        .message = transfer->message != NULL ? transfer->message : "out of memory",
        .sent = transfer->wire > 0,
        .status = transfer->status,
        .connects = transfer->connects,
        .retry_after = transfer->retry_after,
        .head = &transfer->head,
        .body = &transfer->body,
    };
}

/* ---- submitting --------------------------------------------------------------------------- */

static void add_header(of_transfer *transfer, const char *name, const char *value, size_t length) {
    of_buffer *text = &transfer->header_text;
    of_buffer_puts(text, name);
    of_buffer_append(text, ": ", 2);
    of_buffer_append(text, value, length);
    of_buffer_append(text, "", 1);
}

/* libcurl's list, once the lines are complete and stay where they are. */
static bool link_headers(of_transfer *transfer, size_t count) {
    const of_buffer *text = &transfer->header_text;
    struct curl_slist *nodes = calloc(count, sizeof *nodes);
    if (nodes == NULL)
        return false;
    char *line = text->bytes;
    for (size_t i = 0; i < count; i++, line += strlen(line) + 1) {
        nodes[i].data = line;
        nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
    }
    transfer->headers = nodes;
    return true;
}

/* Afresh for each request: a header never outlives the call that it was made for. */
static of_kind compose(of_transfer *transfer, const of_request *request, const char **field,
                       const char **why) {
    of_engine *engine = transfer->engine;
    of_buffer *headers = &transfer->header_text;
    size_t count = 3;
    add_header(transfer, "accept", "application/json", 16);
    add_header(transfer, OF_TOKEN_HEADER, engine->token.bytes, engine->token.length);
    of_buffer_append(headers, "Expect:", sizeof "Expect:");
    if (request->user != NULL) {
        add_header(transfer, OF_USER_HEADER, request->user, request->user_length);
        count++;
    }
    if (request->body != NULL) {
        add_header(transfer, "content-type", "application/json", 16);
        count++;
    }
    for (const char *line = request->headers; line != NULL && *line != '\0'; count++) {
        size_t size = strlen(line) + 1;
        of_buffer_append(headers, line, size);
        line += size;
    }

    of_buffer *url = &transfer->url;
    of_buffer_puts(url, engine->url.origin);
    of_buffer_puts(url, engine->url.path);
    of_buffer_append(url, request->path, request->path_length);
    if (request->query != NULL) {
        of_buffer_append(url, "?", 1);
        of_buffer_puts(url, request->query);
    }
    transfer->method = request->method;
    if (request->body != NULL) {
        transfer->body_out = of_copy(request->body, request->body_length);
        transfer->body_out_length = request->body_length;
    }
    if (headers->starved || url->starved || (request->body != NULL && transfer->body_out == NULL))
        return OF_MEMORY;
    if (url->overflow) {
        *field = "query";
        *why = "makes an URL of more than 64 KiB";
        return OF_VALIDATION;
    }
    if (headers->overflow) {
        *field = "headers";
        *why = "are more than 64 KiB";
        return OF_VALIDATION;
    }
    return link_headers(transfer, count) ? OF_OK : OF_MEMORY;
}

static void abandon(of_engine *engine);

static bool revive(of_engine *engine) {
    if (engine->process != of_process())
        abandon(engine);
    if (engine->multi != NULL)
        return true;
    engine->multi = curl_multi_init();
    if (engine->multi == NULL)
        return false;
    curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long)POOL);
    return true;
}

of_kind of_engine_check(const of_engine *engine, const of_request *request, const char **field,
                        const char **why) {
    *field = "token";
    *why = engine->token.length == 0 ? "is not known" : NULL;
    if (*why == NULL && request->user != NULL) {
        *field = "user";
        *why = of_check_user(request->user, request->user_length);
    }
    if (*why == NULL) {
        *field = "path";
        *why = of_check_path(request->path, request->path_length);
    }
    return *why == NULL ? OF_OK : OF_VALIDATION;
}

of_kind of_engine_submit(of_engine *engine, const of_request *request, of_transfer **out,
                         const char **field, const char **why) {
    if (of_engine_check(engine, request, field, why) != OF_OK)
        return OF_VALIDATION;
    *field = NULL;
    *why = "out of memory";
    if (!revive(engine))
        return OF_MEMORY;
    of_transfer *transfer = new_transfer(engine);
    if (transfer == NULL)
        return OF_MEMORY;
    transfer->timeout = request->timeout > 0 ? request->timeout : 1;
    transfer->repeatable = request->repeatable;
    transfer->fresh = request->fresh;
    of_kind kind = compose(transfer, request, field, why);
    if (kind != OF_OK) {
        free_transfer(transfer);
        return kind;
    }
    of_transfer **last = &engine->transfers;
    while (*last != NULL)
        last = &(*last)->next;
    *last = transfer;
    *out = transfer;
    *why = NULL;
    return OF_OK;
}

/* ---- driving ------------------------------------------------------------------------------ */

static void start_queued(of_engine *engine) {
    of_transfer *transfer = engine->transfers;
    while (transfer != NULL && engine->running < engine->concurrency) {
        of_transfer *next = transfer->next;
        if (transfer->state == QUEUED) {
            carrier *slot = take_slot(engine);
            if (slot == NULL || !arm(transfer, slot) ||
                curl_multi_add_handle(engine->multi, slot->easy) != CURLM_OK) {
                if (slot != NULL)
                    give_slot(engine, slot);
                end(transfer, OF_MEMORY, "libcurl could not be set up for the request");
            } else {
                transfer->slot = slot;
                transfer->state = RUNNING;
                engine->running++;
            }
        }
        transfer = next;
    }
}

static void collect(of_engine *engine) {
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(engine->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result; /* the message dies with the handle's removal */
        char *slot_of = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot_of);
        finish(((carrier *)(void *)slot_of)->transfer, code);
    }
}

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long)time.tv_sec * 1000L + time.tv_nsec / 1000000L;
}

static bool satisfied(const of_engine *engine, const of_transfer *transfer, long before) {
    if (transfer != NULL)
        return transfer->state == DONE;
    long count = 0;
    for (const of_transfer *t = engine->transfers; t != NULL; t = t->next)
        count++;
    return count < before || count == 0;
}

static void drive(of_engine *engine, const of_transfer *transfer, long milliseconds) {
    long until = now() + milliseconds;
    long before = 0;
    for (const of_transfer *t = engine->transfers; t != NULL; t = t->next)
        before++;
    for (;;) {
        int running = 0;
        start_queued(engine);
        curl_multi_perform(engine->multi, &running);
        collect(engine);
        if (satisfied(engine, transfer, before))
            return;
        long left = until - now();
        if (left <= 0)
            return;
        curl_multi_poll(engine->multi, NULL, 0,
                        left < POLL_MILLISECONDS ? (int)left : POLL_MILLISECONDS, NULL);
    }
}

bool of_engine_wait(of_engine *engine, of_transfer *transfer, long milliseconds) {
    if (engine->closed || !revive(engine))
        return transfer == NULL || transfer->state == DONE;
    if (milliseconds > SLICE_MILLISECONDS)
        milliseconds = SLICE_MILLISECONDS;
    pipe_guard guard = block_pipe(engine);
    drive(engine, transfer, milliseconds);
    unblock_pipe(&guard);
    return transfer != NULL ? transfer->state == DONE : engine->transfers == NULL;
}

/* ---- life --------------------------------------------------------------------------------- */

/* In a child process: libcurl's state belongs to the parent. Cleaning it up would write to the
   parent's connections, so it is left alone; only this process's copies of the sockets are closed.
 */
static void abandon(of_engine *engine) {
    for (size_t i = 0; i < engine->socket_count; i++)
        close(engine->sockets[i].fd);
    engine->socket_count = 0;
    engine->idle_count = 0;
    engine->multi = NULL;
    engine->running = 0;
    engine->process = of_process();
    while (engine->transfers != NULL) {
        of_transfer *transfer = engine->transfers;
        transfer->slot = NULL;
        end(transfer, OF_CANCELLED, "the call belongs to the process that forked this one");
    }
}

static char *copy_option(const char *text) {
    return text != NULL ? of_copy(text, strlen(text)) : NULL;
}

of_engine *of_engine_new(const char *base_url, size_t base_url_length, const of_options *options,
                         const char **option, const char **why) {
    *option = NULL;
    *why = "libcurl could not be initialised";
    if (of_global_init() == OF_ZEROING_FAILED)
        return NULL;
    *why = "out of memory";
    of_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return NULL;
    engine->references = 1;
    engine->process = of_process();
    engine->connect_timeout = options->connect_timeout;
    engine->concurrency = options->concurrency;
    engine->max_body = options->max_body;
    engine->user_agent = copy_option(options->user_agent);
    engine->ca_file = copy_option(options->ca_file);
    engine->proxy = copy_option(options->proxy);
    bool good = engine->user_agent != NULL &&
                (engine->ca_file != NULL) == (options->ca_file != NULL) &&
                (engine->proxy != NULL) == (options->proxy != NULL);
    if (good) {
        *option = "base_url";
        *why = of_url_parse(&engine->url, base_url, base_url_length);
        good = *why == NULL;
    }
    if (good && engine->ca_file != NULL && access(engine->ca_file, R_OK) != 0) {
        *option = "ca_file";
        *why = "cannot be read";
        good = false;
    }
    if (!good) {
        of_engine_unref(engine);
        return NULL;
    }
    return engine;
}

void of_engine_close(of_engine *engine) {
    if (engine->closed)
        return;
    if (engine->process != of_process())
        abandon(engine);
    while (engine->transfers != NULL)
        of_transfer_cancel(engine->transfers);
    engine->closed = true;
    pipe_guard guard = block_pipe(engine);
    while (engine->idle_count > 0)
        free_slot(engine->idle[--engine->idle_count]);
    if (engine->multi != NULL)
        curl_multi_cleanup(engine->multi);
    engine->multi = NULL;
    unblock_pipe(&guard);
    free_spare(engine);
    of_token_free(&engine->token);
}

bool of_engine_closed(const of_engine *engine) { return engine->closed; }

void of_engine_ref(of_engine *engine) { engine->references++; }

void of_engine_unref(of_engine *engine) {
    if (--engine->references > 0)
        return;
    /* No transfer is left: each holds a reference. */
    of_engine_close(engine);
    of_url_free(&engine->url);
    of_free_copy(engine->user_agent);
    of_free_copy(engine->ca_file);
    of_free_copy(engine->proxy);
    free(engine->sockets);
    free(engine);
}

of_token *of_engine_token(of_engine *engine) { return &engine->token; }

const of_url *of_engine_url(const of_engine *engine) { return &engine->url; }

const char *of_engine_ca(const of_engine *engine) {
    if (engine->ca_file != NULL)
        return engine->ca_file;
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    if (info->cainfo != NULL)
        return info->cainfo;
    return info->capath != NULL ? info->capath : "the system's";
}
