#define _GNU_SOURCE
#include "engine.h"

#include "carrier.h"
#include "curl_init.h"
#include "driver.h"
#include "io_thread.h"
#include "ledger.h"
#include "queue.h"
#include "sigpipe.h"
#include "system.h"
#include "transfer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    URL_LIMIT = 64 * 1024,
    SPARE_LIMIT = 64 * 1024, /* bytes that an idle buffer may keep */
    SPARES_MOST = 64,
};

const char *of_kind_name(of_kind kind) {
    static const char *const names[] = {
#define OF_KIND_NAME(name, text) text,
        OF_KINDS(OF_KIND_NAME)
#undef OF_KIND_NAME
    };
    return names[kind];
}

/* ---- transfers ---------------------------------------------------------------------------- */

/* Nothing of what it carried is left in the buffer, but its memory. */
static void wipe(of_buffer *buffer) {
    if (buffer->capacity > SPARE_LIMIT)
        of_buffer_free(buffer);
    else
        of_buffer_clear(buffer);
}

void of_transfer_forget_request(of_transfer *transfer) {
    free(transfer->headers);
    transfer->headers = NULL;
    wipe(&transfer->header_text);
    if (!transfer->listed) /* the ledger may have to name it */
        wipe(&transfer->url);
    if (transfer->body_out != NULL)
        of_wipe(transfer->body_out, transfer->body_out_length);
    free(transfer->body_out);
    transfer->body_out = NULL;
    if (transfer->form != NULL)
        of_form_unref(transfer->form);
    transfer->form = NULL;
    if (transfer->target != NULL)
        of_target_unref(transfer->target);
    transfer->target = NULL;
    of_gunzip_free(transfer->gunzip);
    transfer->gunzip = NULL;
}

bool of_transfer_bulky(const of_transfer *transfer) {
    return transfer->form != NULL || transfer->answer != OF_ANSWER_JSON;
}

bool of_transfer_readable(const of_transfer *transfer) {
    return transfer->answer == OF_ANSWER_STREAM && transfer->accepted && transfer->body.length > 0;
}

static void free_buffers(of_transfer *transfer) {
    of_buffer_free(&transfer->header_text);
    of_buffer_free(&transfer->url);
    of_buffer_free(&transfer->head);
    of_buffer_free(&transfer->body);
}

static void free_spares(of_engine *engine) {
    while (engine->spare != NULL) {
        of_transfer *spare = engine->spare;
        engine->spare = spare->next;
        free_buffers(spare);
        free(spare);
    }
    engine->spares = 0;
}

static of_transfer *new_transfer(of_engine *engine, of_queue *queue) {
    of_transfer *transfer = engine->spare;
    if (transfer != NULL) {
        engine->spare = transfer->next;
        engine->spares--;
        transfer->next = NULL;
    } else {
        transfer = calloc(1, sizeof *transfer);
        if (transfer == NULL)
            return NULL;
        of_buffer_init(&transfer->header_text, OF_HEAD_LIMIT);
        of_buffer_init(&transfer->url, URL_LIMIT);
        of_buffer_init(&transfer->head, OF_HEAD_LIMIT);
        of_buffer_init(&transfer->body, 0);
    }
    transfer->body.limit = engine->max_body;
    of_engine_ref(engine);
    transfer->engine = engine;
    if (queue != NULL)
        of_queue_ref(queue);
    transfer->queue = queue;
    return transfer;
}

void of_transfer_free(of_transfer *transfer, bool on_thread) {
    of_engine *engine = transfer->engine;
    of_queue *queue = transfer->queue;
    if (transfer->on_thread || transfer->listed)
        of_io_detach(transfer);
    if (queue != NULL && !queue->threaded && transfer->number != 0) {
        of_queue_drop(queue, transfer);
        of_queue_give_number(queue, transfer->number);
    }
    of_transfer_forget_request(transfer);
    of_free_copy(transfer->message);
    if (transfer->connection != NULL)
        of_connection_unref(transfer->connection);
    if (on_thread || engine->closed || engine->spares == SPARES_MOST) { /* they are the owner's */
        free_buffers(transfer);
        free(transfer);
    } else {
        wipe(&transfer->url);
        wipe(&transfer->head);
        wipe(&transfer->body);
        *transfer = (of_transfer){.header_text = transfer->header_text,
                                  .url = transfer->url,
                                  .head = transfer->head,
                                  .body = transfer->body};
        transfer->next = engine->spare;
        engine->spare = transfer;
        engine->spares++;
    }
    if (queue != NULL)
        of_queue_unref(queue);
    of_engine_unref(engine);
}

bool of_transfer_droppable(const of_transfer *transfer) {
    return atomic_load_explicit(&transfer->state, memory_order_relaxed) == OF_QUEUED ||
           transfer->wire == 0 || transfer->repeatable;
}

/* What the inline driver does with a transfer that is done. */
static void announce(of_transfer *transfer) {
    atomic_store_explicit(&transfer->state, OF_DONE, memory_order_relaxed);
    if (transfer->released) {
        of_ledger_tell(transfer);
        of_transfer_free(transfer, false);
    } else if (transfer->queue != NULL)
        of_queue_push(transfer->queue, transfer);
}

static void abandon(of_engine *engine);

static void end_inline(of_transfer *transfer, const char *message) {
    if (transfer->engine->process != of_process()) {
        abandon(transfer->engine); /* it is among what is the parent's */
        return;
    }
    of_sigpipe guard = of_sigpipe_block(transfer->engine->url.tls);
    of_driver_end(transfer, OF_CANCELLED, message);
    of_sigpipe_unblock(&guard);
}

void of_transfer_cancel(of_transfer *transfer) {
    if (of_transfer_done(transfer))
        return;
    if (transfer->on_thread)
        of_io_cancel(transfer);
    else if (of_transfer_droppable(transfer))
        end_inline(transfer, "cancelled");
}

bool of_transfer_done(const of_transfer *transfer) {
    return atomic_load_explicit(&transfer->state, memory_order_acquire) == OF_DONE;
}

unsigned long of_transfer_number(const of_transfer *transfer) { return transfer->number; }

void of_transfer_release(of_transfer *transfer) { of_transfer_free(transfer, false); }

void of_transfer_drop(of_transfer *transfer) {
    if (transfer->on_thread) {
        of_io_drop(transfer);
    } else if (of_transfer_done(transfer)) {
        of_ledger_tell(transfer);
        of_transfer_free(transfer, false);
    } else {
        transfer->released = true;
        if (of_transfer_droppable(transfer) || transfer->engine->process != of_process())
            end_inline(transfer, "cancelled");
    }
}

static bool disconnected(const of_transfer *transfer) {
    return transfer->connection != NULL && of_connection_disconnected(transfer->connection);
}

void of_transfer_result(const of_transfer *transfer, of_result *result) {
    *result = (of_result){
        .kind = transfer->kind,
        .message = transfer->message != NULL ? transfer->message : "there is no memory to say why",
        .sent = transfer->wire > 0,
        .status = transfer->status,
        .connects = transfer->connects,
        .retry_after = transfer->retry_after,
        .connection = transfer->connection != NULL ? of_connection_number(transfer->connection) : 0,
        .head = &transfer->head,
        .body = &transfer->body,
    };
    if (result->kind == OF_OK && disconnected(transfer)) {
        result->kind = OF_CONNECTION;
        result->message = OF_DISCONNECTED;
        result->status = 0;
    }
}

const char *of_transfer_read(const of_transfer *transfer, size_t *length) {
    bool readable = of_transfer_readable(transfer) && !disconnected(transfer);
    *length = readable ? transfer->body.length : 0;
    return readable ? transfer->body.bytes : NULL;
}

void of_transfer_consume(of_transfer *transfer) {
    of_buffer_clear(&transfer->body);
    if (!transfer->paused || transfer->slot == NULL)
        return;
    if (transfer->engine->process != of_process()) {
        abandon(transfer->engine); /* the rest is the parent's */
        return;
    }
    of_sigpipe guard = of_sigpipe_block(transfer->engine->url.tls);
    of_driver_resume(transfer);
    of_sigpipe_unblock(&guard);
}

void of_transfer_progress(const of_transfer *transfer, int64_t *done, int64_t *total) {
    bool sends = transfer->form_total > 0;
    *done = sends ? transfer->form_sent : transfer->received;
    *total = sends ? transfer->form_total : transfer->total;
}

/* ---- submitting --------------------------------------------------------------------------- */

static void add_line(of_buffer *lines, const char *line) {
    of_buffer_append(lines, line, strlen(line) + 1);
}

static void add_header(of_buffer *lines, const char *name, const char *value, size_t length) {
    of_buffer_puts(lines, name);
    of_buffer_append(lines, value, length);
    of_buffer_append(lines, "", 1);
}

/* libcurl's list, once the lines are complete and stay where they are. */
static bool link_headers(of_transfer *transfer) {
    const of_buffer *text = &transfer->header_text;
    const char *end = text->bytes + text->length;
    char *line = text->bytes;
    size_t count = 0;
    do {
        count++;
        line += strlen(line) + 1;
    } while (line < end);
    struct curl_slist *nodes = calloc(count, sizeof *nodes);
    if (nodes == NULL)
        return false;
    line = text->bytes;
    for (size_t i = 0; i < count; i++, line += strlen(line) + 1) {
        nodes[i].data = line;
        nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
    }
    transfer->headers = nodes;
    return true;
}

/* All that a request carries, what libcurl has an option for among it: it would format that twice.
   A file is not compressed on the way, or its length would not be known. */
static void add_headers(of_transfer *transfer, const of_request *request) {
    const of_engine *engine = transfer->engine;
    of_buffer *lines = &transfer->header_text;
    bool json = request->answer == OF_ANSWER_JSON;
    bool get = strcmp(request->method, "GET") == 0;
    add_line(lines, json ? "accept: application/json" : "accept: */*");
    add_line(lines,
             of_transfer_bulky(transfer) ? "accept-encoding: identity" : "accept-encoding: gzip");
    add_header(lines, "user-agent: ", engine->user_agent, strlen(engine->user_agent));
    if (!engine->bare)
        add_header(lines, OF_TOKEN_HEADER ": ", engine->token.bytes, engine->token.length);
    if (request->user != NULL)
        add_header(lines, OF_USER_HEADER ": ", request->user, request->user_length);
    if (request->form != NULL) {
        const char *type = of_form_content_type(request->form);
        add_header(lines, "content-type: ", type, strlen(type));
    } else if (request->body != NULL) {
        add_line(lines, "content-type: application/json");
    } else if (!get) { /* libcurl would call nothing a form */
        add_line(lines, "Content-Type:");
    }
    if (!get)
        add_line(lines, "Expect:");
    for (const char *line = request->headers; line != NULL && *line != '\0';
         line += strlen(line) + 1)
        add_line(lines, line);
}

/* Afresh for each request: a header never outlives the call that it was made for. */
static of_kind compose(of_transfer *transfer, const of_request *request, const char **field,
                       const char **why) {
    const of_engine *engine = transfer->engine;
    const of_buffer *headers = &transfer->header_text;
    of_buffer *url = &transfer->url;
    if (engine->bare) {
        of_url_target(url, request->path);
    } else {
        of_buffer_puts(url, engine->url.path);
        of_buffer_append(url, request->path, request->path_length);
        if (request->query != NULL) {
            of_buffer_puts(url, "?");
            of_buffer_puts(url, request->query);
        }
    }
    transfer->method = request->method;
    if (request->body != NULL) {
        transfer->body_out = of_copy(request->body, request->body_length);
        transfer->body_out_length = request->body_length;
    }
    transfer->form = request->form;
    if (request->form != NULL) {
        of_form_ref(request->form);
        transfer->form_total = (int64_t)of_form_length(request->form);
    }
    transfer->answer = request->answer;
    if (request->answer == OF_ANSWER_STREAM)
        transfer->body.limit = OF_STREAM_LIMIT;
    transfer->total = -1;
    if (request->answer == OF_ANSWER_TARGET) {
        of_target_ref(request->target);
        transfer->target = request->target;
    }
    add_headers(transfer, request);
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
    return link_headers(transfer) ? OF_OK : OF_MEMORY;
}

static void drop_storage(of_engine **link);

/* Used by this thread, in this process: what is a parent's is left to it. */
static void revive(of_engine *engine) {
    if (engine->process != of_process())
        abandon(engine);
    atomic_store_explicit(&engine->thread, pthread_self(), memory_order_relaxed);
}

static bool has_driver(of_engine *engine) {
    revive(engine);
    if (engine->own == NULL) {
        engine->own = calloc(1, sizeof *engine->own);
        if (engine->own == NULL)
            return false;
        engine->own->lane = OF_INLINE;
        engine->own->announce = announce;
        of_driver_widen(engine->own, engine->concurrency);
    }
    return true;
}

of_kind of_engine_check(const of_engine *engine, const of_request *request, const char **field,
                        const char **why) {
    if (engine->bare) /* checked by of_engine_follow */
        return OF_OK;
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

static of_engine *storage_of(of_engine *engine, const of_buffer *origin, const char **why) {
    of_engine **link = &engine->storages;
    while (*link != NULL) {
        of_engine *storage = *link;
        if (strcmp(storage->url.origin, origin->bytes) == 0)
            return storage;
        if (atomic_load(&storage->references) == 1) /* another one, and nothing under way */
            drop_storage(link);
        else
            link = &storage->next_storage;
    }
    const char *option = NULL;
    of_options options = {
        .user_agent = engine->user_agent,
        .ca_file = engine->ca_file,
        .proxy = engine->proxy,
        .connect_timeout = engine->connect_timeout,
        .concurrency = engine->concurrency,
        .max_body = engine->max_body,
        .stall = engine->stall,
        .drain = engine->drain,
    };
    of_engine *storage = of_engine_new(origin->bytes, origin->length, &options, &option, why);
    if (storage == NULL)
        return NULL;
    if (!storage->url.tls && !engine->url.loopback) {
        *why = "is http";
        of_engine_unref(storage);
        return NULL;
    }
    storage->bare = true;
    storage->next_storage = engine->storages;
    engine->storages = storage;
    return storage;
}

of_kind of_engine_follow(of_engine *engine, const char *location, size_t length,
                         const of_request *request, of_queue *queue, of_transfer **transfer,
                         const char **why) {
    const char *field = NULL;
    *why = "the client is closed";
    if (engine->closed)
        return OF_CANCELLED;
    of_buffer origin;
    of_buffer_init(&origin, 4096);
    *why = of_url_origin(&origin, location, length);
    of_engine *storage = *why == NULL ? storage_of(engine, &origin, why) : NULL;
    of_buffer_free(&origin);
    if (storage == NULL)
        return *why == of_no_memory ? OF_MEMORY : OF_VALIDATION;
    of_request asked = {
        .method = "GET",
        .path = location,
        .path_length = length,
        .timeout = request->timeout,
        .repeatable = true,
        .answer = request->answer,
        .target = request->target,
    };
    return of_engine_submit(storage, &asked, queue, transfer, &field, why);
}

static of_kind number_inline(of_transfer *transfer, const char **why) {
    transfer->number = of_queue_take_number(transfer->queue);
    *why = of_no_memory;
    return transfer->number != 0 ? OF_OK : OF_MEMORY;
}

of_kind of_engine_submit(of_engine *engine, const of_request *request, of_queue *queue,
                         of_transfer **out, const char **field, const char **why) {
    *field = NULL;
    *why = "the client is closed";
    if (engine->closed)
        return OF_CANCELLED;
    if (of_engine_check(engine, request, field, why) != OF_OK)
        return OF_VALIDATION;
    *field = NULL;
    *why = of_no_memory;
    bool on_thread = queue != NULL && queue->threaded;
    if (!on_thread && (!has_driver(engine) || (queue != NULL && !of_queue_expect(queue, engine))))
        return OF_MEMORY;
    of_transfer *transfer = new_transfer(engine, queue);
    if (transfer == NULL)
        return OF_MEMORY;
    transfer->timeout = request->timeout > 0 ? request->timeout : 1;
    transfer->submitted = of_now();
    transfer->repeatable = request->repeatable;
    transfer->fresh = request->fresh;
    if (!request->repeatable && request->user != NULL)
        memcpy(transfer->user, request->user, request->user_length); /* checked to have room */
    of_kind kind = compose(transfer, request, field, why);
    if (kind == OF_OK && on_thread)
        kind = of_io_submit(transfer, why);
    else if (kind == OF_OK && queue != NULL)
        kind = number_inline(transfer, why);
    if (kind != OF_OK) {
        of_transfer_free(transfer, false);
        return kind;
    }
    if (!on_thread && !transfer->repeatable)
        of_io_list(transfer);
    if (!on_thread)
        of_driver_add(engine->own, transfer);
    *out = transfer;
    *why = NULL;
    return OF_OK;
}

/* ---- driving ------------------------------------------------------------------------------ */

static void drive(of_driver *driver, const of_transfer *transfer, long milliseconds) {
    long long until = of_now() + milliseconds;
    unsigned long before = driver->ended;
    for (;;) {
        of_driver_step(driver);
        if (transfer != NULL ? of_transfer_done(transfer) || of_transfer_readable(transfer)
                             : driver->ended != before || driver->running.count == 0)
            return;
        long left = (long)(until - of_now());
        if (left <= 0)
            return;
        of_driver_poll(&driver, 1, NULL, 0, left);
    }
}

bool of_engine_wait(of_engine *engine, of_transfer *transfer, long milliseconds) {
    if (milliseconds > OF_SLICE_MILLISECONDS)
        milliseconds = OF_SLICE_MILLISECONDS;
    if (transfer != NULL && transfer->on_thread)
        return of_io_wait(transfer, milliseconds);
    if (transfer != NULL)
        engine = transfer->engine; /* or that of a storage host */
    revive(engine);
    of_driver *own = engine->own;
    if (own == NULL)
        return transfer == NULL || of_transfer_done(transfer);
    of_sigpipe guard = of_sigpipe_block(engine->url.tls);
    drive(own, transfer, milliseconds);
    of_sigpipe_unblock(&guard);
    return transfer != NULL ? of_transfer_done(transfer)
                            : own->queued.count + own->running.count == 0;
}

void of_engine_step(of_engine *engine) {
    revive(engine);
    if (engine->own == NULL)
        return;
    of_sigpipe guard = of_sigpipe_block(engine->url.tls);
    of_driver_step(engine->own);
    of_sigpipe_unblock(&guard);
}

static void disconnect_inline(of_engine *engine, uint64_t number) {
    if (engine->own == NULL || engine->process != of_process())
        return;
    of_sigpipe guard = of_sigpipe_block(engine->url.tls);
    of_driver_disconnect(engine->own, number);
    of_sigpipe_unblock(&guard);
}

void of_engine_disconnect(of_engine *engine, uint64_t number) {
    disconnect_inline(engine, number);
    for (of_engine *storage = engine->storages; storage != NULL; storage = storage->next_storage)
        disconnect_inline(storage, number);
    of_io_disconnect(number);
}

/* ---- life --------------------------------------------------------------------------------- */

/* In a child process. */
static void abandon(of_engine *engine) {
    engine->process = of_process();
    engine->lanes[OF_INLINE] = (of_lane){.idle = NULL, .running = engine->lanes[OF_INLINE].running};
    if (engine->own != NULL)
        of_driver_abandon(engine->own);
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
    *why = of_no_memory;
    of_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return NULL;
    atomic_init(&engine->references, 1);
    engine->process = of_process();
    engine->connect_timeout = options->connect_timeout;
    engine->concurrency = options->concurrency;
    engine->max_body = options->max_body;
    engine->stall = options->stall;
    engine->drain = options->drain;
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

/* Its transfers, if it has any, end as cancelled. */
static void drop_storage(of_engine **link) {
    of_engine *storage = *link;
    *link = storage->next_storage;
    of_engine_close(storage);
    of_engine_unref(storage);
}

static void close_inline(of_engine *engine) {
    of_driver *own = engine->own;
    if (own == NULL)
        return;
    while (own->queued.first != NULL)
        end_inline(own->queued.first, "the client was closed");
    while (own->running.first != NULL)
        end_inline(own->running.first, "the client was closed");
    of_sigpipe guard = of_sigpipe_block(engine->url.tls);
    of_driver_let_go(own, engine);
    of_driver_close(own);
    of_sigpipe_unblock(&guard);
    free(own);
    engine->own = NULL;
}

/* Without its owner's queue, which nobody may be there to look after. */
static void detach_queue(of_transfer *transfer) {
    of_queue *queue = transfer->queue;
    if (queue == NULL)
        return;
    of_queue_give_number(queue, transfer->number);
    transfer->number = 0;
    transfer->queue = NULL;
    of_queue_unref(queue);
}

static void end_droppable(of_list *list) {
    of_transfer *transfer = list->first;
    while (transfer != NULL) {
        of_transfer *next = transfer->next;
        if (of_transfer_droppable(transfer))
            end_inline(transfer, "cancelled");
        transfer = next;
    }
}

void of_engine_hand_over(of_engine *engine) {
    of_driver *own = engine->own;
    if (own == NULL)
        return;
    end_droppable(&own->queued);
    end_droppable(&own->running);
    for (of_transfer *transfer = own->running.first; transfer != NULL; transfer = transfer->next)
        detach_queue(transfer);
    if (own->running.first != NULL && of_io_adopt(own, engine))
        engine->own = NULL;
    else
        close_inline(engine);
}

static void close_engine(of_engine *engine, bool dropped) {
    if (engine->closed)
        return;
    if (engine->process != of_process())
        abandon(engine);
    engine->closed = true;
    while (engine->storages != NULL)
        drop_storage(&engine->storages);
    if (dropped)
        of_engine_hand_over(engine);
    else
        close_inline(engine);
    of_io_close_engine(engine, dropped);
    free_spares(engine);
    of_token_free(&engine->token);
}

void of_engine_close(of_engine *engine) { close_engine(engine, false); }

void of_engine_drop(of_engine *engine) { close_engine(engine, true); }

bool of_engine_closed(const of_engine *engine) { return engine->closed; }

void of_engine_ref(of_engine *engine) { atomic_fetch_add(&engine->references, 1); }

void of_engine_unref(of_engine *engine) {
    if (atomic_fetch_sub(&engine->references, 1) > 1)
        return;
    /* No transfer is left: each holds a reference. */
    of_engine_close(engine);
    of_url_free(&engine->url);
    of_free_copy(engine->user_agent);
    of_free_copy(engine->ca_file);
    of_free_copy(engine->proxy);
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
