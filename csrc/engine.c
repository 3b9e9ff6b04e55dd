#include "engine.h"

#include "curl_init.h"
#include "easy.h"
#include "io_thread.h"
#include "multi.h"
#include "outstanding.h"
#include "queue.h"
#include "sigpipe.h"
#include "system.h"
#include "transfer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FREE_MAX = 64 };

struct of_engine {
    of_owner owner;
    bool closed;
    unsigned process; /* the process that `own` belongs to */
    of_token token;
    of_engine *storages; /* engines for the storage hosts of files; each counted */
    of_engine *next_storage;
    of_multi *own;          /* the inline multi, created when needed */
    of_transfer *free_list; /* wiped transfers to reuse, with their buffers */
    unsigned free_count;
};

of_engine *of_engine_of(of_owner *owner) { return (of_engine *)owner; }

static of_engine *engine_of(const of_transfer *transfer) { return of_engine_of(transfer->owner); }

static of_sigpipe block_sigpipe(const of_engine *engine) {
    return of_sigpipe_block(engine->owner.config.url.tls);
}

/* ---- transfers ------------------------------------------------------------------------------- */

static void clear_free_list(of_engine *engine) {
    while (engine->free_list != NULL) {
        of_transfer *transfer = engine->free_list;
        engine->free_list = transfer->next;
        of_transfer_free(transfer);
    }
    engine->free_count = 0;
}

static of_transfer *new_transfer(of_engine *engine, of_queue *queue) {
    of_transfer *transfer = engine->free_list;
    if (transfer != NULL) {
        engine->free_list = transfer->next;
        engine->free_count--;
        transfer->next = NULL;
    } else {
        transfer = of_transfer_new();
        if (transfer == NULL)
            return NULL;
    }
    transfer->body.limit = engine->owner.config.options.max_body;
    of_owner_ref(&engine->owner);
    transfer->owner = &engine->owner;
    if (queue != NULL)
        of_queue_ref(queue);
    transfer->queue = queue;
    return transfer;
}

static void end_transfer(of_transfer *transfer, bool on_thread) {
    of_engine *engine = engine_of(transfer);
    of_queue *queue = transfer->queue;
    if (transfer->on_thread || transfer->listed)
        of_io_detach(transfer);
    if (queue != NULL && queue->lock == NULL && transfer->number != 0) {
        of_queue_drop(queue, transfer);
        of_queue_release_number(queue, transfer->number);
    }
    of_transfer_forget_request(transfer);
    of_free_copy(transfer->message);
    if (transfer->connection != NULL)
        of_connection_unref(transfer->connection);
    if (on_thread || engine->closed ||
        engine->free_count == FREE_MAX) { /* the free list belongs to the caller's thread */
        of_transfer_free(transfer);
    } else {
        of_transfer_wipe(transfer);
        transfer->next = engine->free_list;
        engine->free_list = transfer;
        engine->free_count++;
    }
    if (queue != NULL)
        of_queue_unref(queue);
    of_engine_unref(engine);
}

/* The `on_done` callback of the inline multi. */
static void on_done(of_transfer *transfer) {
    atomic_store_explicit(&transfer->state, OF_DONE, memory_order_relaxed);
    if (transfer->released) {
        of_outstanding_report(transfer);
        end_transfer(transfer, false);
    } else if (transfer->queue != NULL)
        of_queue_push(transfer->queue, transfer);
}

static void abandon(of_engine *engine);

static void end_inline(of_transfer *transfer, const char *message) {
    if (engine_of(transfer)->process != of_process()) {
        abandon(engine_of(transfer)); /* it belongs to the parent */
        return;
    }
    of_sigpipe guard = block_sigpipe(engine_of(transfer));
    of_multi_end(transfer, OF_CANCELLED, message);
    of_sigpipe_unblock(&guard);
}

void of_engine_cancel(of_transfer *transfer) {
    if (of_transfer_done(transfer))
        return;
    if (transfer->on_thread)
        of_io_cancel(transfer);
    else if (of_transfer_droppable(transfer))
        end_inline(transfer, "cancelled");
}

void of_engine_release(of_transfer *transfer) { end_transfer(transfer, false); }

void of_engine_orphan(of_transfer *transfer) {
    if (transfer->on_thread && of_io_orphan(transfer))
        return;
    if (of_transfer_done(transfer)) {
        of_outstanding_report(transfer);
        end_transfer(transfer, false);
    } else {
        transfer->released = true;
        if (of_transfer_droppable(transfer) || engine_of(transfer)->process != of_process())
            end_inline(transfer, "cancelled");
    }
}

void of_engine_consume(of_transfer *transfer) {
    of_buffer_clear(&transfer->body);
    if (!transfer->paused || transfer->easy == NULL)
        return;
    if (engine_of(transfer)->process != of_process()) {
        abandon(engine_of(transfer)); /* the rest belongs to the parent */
        return;
    }
    of_sigpipe guard = block_sigpipe(engine_of(transfer));
    of_multi_resume(transfer);
    of_sigpipe_unblock(&guard);
}

/* ---- submitting ------------------------------------------------------------------------------ */

static void drop_storage(of_engine **link);

/* Records the thread that uses the engine; after a fork, abandons what belongs to the parent. */
static void revive(of_engine *engine) {
    if (engine->process != of_process())
        abandon(engine);
    atomic_store_explicit(&engine->owner.thread, pthread_self(), memory_order_relaxed);
}

static bool has_multi(of_engine *engine) {
    revive(engine);
    if (engine->own == NULL) {
        engine->own = calloc(1, sizeof *engine->own);
        if (engine->own == NULL)
            return false;
        engine->own->context.share = OF_INLINE;
        engine->own->on_done = on_done;
        of_multi_keep_connections(engine->own, engine->owner.config.options.concurrency);
    }
    return true;
}

of_kind of_engine_check(const of_engine *engine, const of_request *request, const char **field,
                        const char **why) {
    if (engine->owner.config.without_credentials) /* of_engine_follow has checked it */
        return OF_OK;
    *field = "token";
    *why = engine->token.length == 0 ? "is not known" : NULL;
    if (*why == NULL && request->user != NULL) {
        *field = "user";
        *why = of_check_acting(request->user, request->user_length);
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
        if (strcmp(storage->owner.config.url.origin, origin->bytes) == 0)
            return storage;
        if (atomic_load(&storage->owner.references) == 1) /* no transfer refers to it */
            drop_storage(link);
        else
            link = &storage->next_storage;
    }
    const char *option = NULL;
    of_engine *storage =
        of_engine_new(origin->bytes, origin->length, &engine->owner.config.options, &option, why);
    if (storage == NULL)
        return NULL;
    if (!storage->owner.config.url.tls && !engine->owner.config.url.loopback) {
        *why = "is http";
        of_engine_unref(storage);
        return NULL;
    }
    storage->owner.config.without_credentials = true;
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

static bool expect(of_queue *queue, of_engine *engine) {
    return queue->calls->expect == NULL || queue->calls->expect(queue, &engine->owner);
}

static of_kind number_inline(of_transfer *transfer, const char **why) {
    transfer->number = of_queue_acquire_number(transfer->queue);
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
    bool on_thread = queue != NULL && queue->lock != NULL;
    if (!on_thread && (!has_multi(engine) || (queue != NULL && !expect(queue, engine))))
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
    of_kind kind = of_transfer_compose(transfer, &engine->token, request, field, why);
    if (kind == OF_OK && on_thread)
        kind = of_io_submit(transfer, why);
    else if (kind == OF_OK && queue != NULL)
        kind = number_inline(transfer, why);
    if (kind != OF_OK) {
        end_transfer(transfer, false);
        return kind;
    }
    if (!on_thread && !transfer->repeatable)
        of_io_list(transfer);
    if (!on_thread)
        of_multi_add(engine->own, transfer);
    *out = transfer;
    *why = NULL;
    return OF_OK;
}

/* ---- driving --------------------------------------------------------------------------------- */

static void drive(of_multi *multi, const of_transfer *transfer, long milliseconds) {
    long long until = of_now() + milliseconds;
    unsigned long before = multi->ended;
    for (;;) {
        of_multi_step(multi);
        if (transfer != NULL ? of_transfer_done(transfer) || of_transfer_readable(transfer)
                             : multi->ended != before || multi->running.count == 0)
            return;
        long left = (long)(until - of_now());
        if (left <= 0)
            return;
        of_multi_poll(&multi, 1, NULL, 0, left);
    }
}

bool of_engine_wait(of_engine *engine, of_transfer *transfer, long milliseconds) {
    if (milliseconds > OF_SLICE_MILLISECONDS)
        milliseconds = OF_SLICE_MILLISECONDS;
    if (transfer != NULL && transfer->on_thread)
        return of_io_wait(transfer, milliseconds);
    if (transfer != NULL)
        engine = engine_of(transfer); /* may be the engine of a storage host */
    revive(engine);
    of_multi *own = engine->own;
    if (own == NULL)
        return transfer == NULL || of_transfer_done(transfer);
    of_sigpipe guard = block_sigpipe(engine);
    drive(own, transfer, milliseconds);
    of_sigpipe_unblock(&guard);
    return transfer != NULL ? of_transfer_done(transfer)
                            : own->queued.count + own->running.count == 0;
}

void of_engine_step(of_engine *engine) {
    revive(engine);
    if (engine->own == NULL)
        return;
    of_sigpipe guard = block_sigpipe(engine);
    of_multi_step(engine->own);
    of_sigpipe_unblock(&guard);
}

static void disconnect_inline(of_engine *engine, uint64_t number) {
    if (engine->own == NULL || engine->process != of_process())
        return;
    of_sigpipe guard = block_sigpipe(engine);
    of_multi_disconnect(engine->own, number);
    of_sigpipe_unblock(&guard);
}

void of_engine_disconnect(of_engine *engine, uint64_t number) {
    disconnect_inline(engine, number);
    for (of_engine *storage = engine->storages; storage != NULL; storage = storage->next_storage)
        disconnect_inline(storage, number);
    of_io_disconnect(number);
}

/* ---- creation and end ------------------------------------------------------------------------ */

/* In a child process. */
static void abandon(of_engine *engine) {
    of_share *share = &engine->owner.shares[OF_INLINE];
    engine->process = of_process();
    *share = (of_share){.idle = NULL, .running = share->running};
    if (engine->own != NULL)
        of_multi_abandon(engine->own);
}

static void end_engine(of_owner *owner);
static bool hand_over(of_owner *owner);

of_engine *of_engine_new(const char *base_url, size_t base_url_length, const of_options *options,
                         const char **option, const char **why) {
    static const of_owner_calls calls = {
        .end = end_engine, .end_transfer = end_transfer, .hand_over = hand_over};
    *option = NULL;
    *why = "libcurl could not be initialised";
    if (of_curl_init() == OF_ZEROING_FAILED)
        return NULL;
    *why = of_no_memory;
    of_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return NULL;
    engine->owner.calls = &calls;
    atomic_init(&engine->owner.references, 1);
    engine->process = of_process();
    if (!of_config_init(&engine->owner.config, base_url, base_url_length, options, option, why)) {
        of_engine_unref(engine);
        return NULL;
    }
    return engine;
}

/* Its transfers, if any, end as cancelled. */
static void drop_storage(of_engine **link) {
    of_engine *storage = *link;
    *link = storage->next_storage;
    of_engine_close(storage);
    of_engine_unref(storage);
}

static void close_inline(of_engine *engine) {
    of_multi *own = engine->own;
    if (own == NULL)
        return;
    of_sigpipe guard = block_sigpipe(engine);
    of_multi_end_those(own, NULL, NULL, OF_CANCELLED, "the client was closed");
    of_multi_release(own, &engine->owner);
    of_multi_close(own);
    of_sigpipe_unblock(&guard);
    free(own);
    engine->own = NULL;
}

/* Removes the transfer from its queue, whose owner may be gone. */
static void detach_queue(of_transfer *transfer) {
    of_queue *queue = transfer->queue;
    if (queue == NULL)
        return;
    of_queue_release_number(queue, transfer->number);
    transfer->number = 0;
    transfer->queue = NULL;
    of_queue_unref(queue);
}

static bool hand_over(of_owner *owner) {
    of_engine *engine = of_engine_of(owner);
    of_multi *own = engine->own;
    if (own == NULL)
        return false;
    of_sigpipe guard = block_sigpipe(engine);
    of_multi_end_those(own, NULL, of_transfer_droppable, OF_CANCELLED, "cancelled");
    of_sigpipe_unblock(&guard);
    for (of_transfer *transfer = own->running.first; transfer != NULL; transfer = transfer->next)
        detach_queue(transfer);
    if (own->running.first != NULL && of_io_adopt(own, owner))
        engine->own = NULL;
    else
        close_inline(engine);
    return true;
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
        (void)hand_over(&engine->owner);
    else
        close_inline(engine);
    of_io_close(&engine->owner, dropped);
    clear_free_list(engine);
    of_token_free(&engine->token);
}

void of_engine_close(of_engine *engine) { close_engine(engine, false); }

void of_engine_drop(of_engine *engine) { close_engine(engine, true); }

bool of_engine_closed(const of_engine *engine) { return engine->closed; }

void of_engine_unref(of_engine *engine) { of_owner_unref(&engine->owner); }

/* No transfer is left, because each holds a reference. */
static void end_engine(of_owner *owner) {
    of_engine *engine = of_engine_of(owner);
    of_engine_close(engine);
    of_config_free(&owner->config);
    free(engine);
}

of_token *of_engine_token(of_engine *engine) { return &engine->token; }

const of_config *of_engine_config(const of_engine *engine) { return &engine->owner.config; }

of_multi *of_engine_multi(const of_engine *engine) { return engine->own; }
