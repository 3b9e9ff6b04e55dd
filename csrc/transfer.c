#include "transfer.h"

#include "url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum {
    URL_LIMIT = 64 * 1024,
    KEPT_LIMIT = 64 * 1024, /* bytes of capacity that a buffer keeps after its transfer */
};

/* ---- lists ----------------------------------------------------------------------------------- */

void of_list_append(of_list *list, of_transfer *transfer) {
    transfer->next = NULL;
    transfer->previous = list->last;
    if (list->last != NULL) {
        list->last->next = transfer;
    } else {
        list->first = transfer;
    }
    list->last = transfer;
    list->count++;
}

void of_list_remove(of_list *list, of_transfer *transfer) {
    if (transfer->previous != NULL) {
        transfer->previous->next = transfer->next;
    } else {
        list->first = transfer->next;
    }
    if (transfer->next != NULL) {
        transfer->next->previous = transfer->previous;
    } else {
        list->last = transfer->previous;
    }
    transfer->previous = transfer->next = NULL;
    list->count--;
}

/* ---- creation and end ------------------------------------------------------------------------ */

of_transfer *of_transfer_new(void) {
    of_transfer *transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL)
        return NULL;
    of_buffer_init(&transfer->header_text, OF_HEAD_LIMIT);
    of_buffer_init(&transfer->url, URL_LIMIT);
    of_buffer_init(&transfer->head, OF_HEAD_LIMIT);
    of_buffer_init(&transfer->body, 0);
    return transfer;
}

void of_transfer_free(of_transfer *transfer) {
    of_buffer_free(&transfer->header_text);
    of_buffer_free(&transfer->url);
    of_buffer_free(&transfer->head);
    of_buffer_free(&transfer->body);
    free(transfer);
}

/* Wipes the contents of the buffer, keeps its memory. */
static void wipe(of_buffer *buffer) {
    if (buffer->capacity > KEPT_LIMIT)
        of_buffer_free(buffer);
    else
        of_buffer_clear(buffer);
}

void of_transfer_forget_request(of_transfer *transfer) {
    free(transfer->headers);
    transfer->headers = NULL;
    wipe(&transfer->header_text);
    if (!transfer->listed) /* a line about it may still need the path */
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

bool of_transfer_streams(const of_transfer *transfer) {
    return transfer->form != NULL || transfer->answer != OF_ANSWER_JSON;
}

bool of_transfer_readable(const of_transfer *transfer) {
    return transfer->answer == OF_ANSWER_STREAM && transfer->accepted && transfer->body.length > 0;
}

void of_transfer_wipe(of_transfer *transfer) {
    wipe(&transfer->url);
    wipe(&transfer->head);
    wipe(&transfer->body);
    *transfer = (of_transfer){.header_text = transfer->header_text,
                              .url = transfer->url,
                              .head = transfer->head,
                              .body = transfer->body};
}

/* ---- the request ----------------------------------------------------------------------------- */

static void add_line(of_buffer *lines, const char *line) {
    of_buffer_append(lines, line, strlen(line) + 1);
}

static void add_header(of_buffer *lines, const char *name, const char *value, size_t length) {
    of_buffer_puts(lines, name);
    of_buffer_append(lines, value, length);
    of_buffer_append(lines, "", 1);
}

/* Builds libcurl's list, once the lines are complete and do not move any more. */
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

/* Adds all headers of a request, including those for which libcurl has an option: libcurl would
   format these twice. A file is requested without compression, because otherwise its length would
   be unknown. */
static void add_headers(of_transfer *transfer, const of_token *token, const of_request *request) {
    const of_config *config = &transfer->owner->config;
    of_buffer *lines = &transfer->header_text;
    bool json = request->answer == OF_ANSWER_JSON;
    bool get = strcmp(request->method, "GET") == 0;
    add_line(lines, json ? "accept: application/json" : "accept: */*");
    add_line(lines,
             of_transfer_streams(transfer) ? "accept-encoding: identity" : "accept-encoding: gzip");
    add_header(lines, "user-agent: ", config->options.user_agent,
               strlen(config->options.user_agent));
    if (!config->without_credentials)
        add_header(lines, OF_TOKEN_HEADER ": ", token->bytes, token->length);
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

/* Composes everything for each request: a header never outlives the call that it was made for. */
of_kind of_transfer_compose(of_transfer *transfer, const of_token *token, const of_request *request,
                            const char **field, const char **why) {
    const of_config *config = &transfer->owner->config;
    const of_buffer *headers = &transfer->header_text;
    of_buffer *url = &transfer->url;
    if (config->without_credentials) {
        of_url_target(url, request->path);
    } else {
        of_buffer_puts(url, config->url.path);
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
    add_headers(transfer, token, request);
    if (headers->out_of_memory || url->out_of_memory ||
        (request->body != NULL && transfer->body_out == NULL))
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

/* ---- state and result ------------------------------------------------------------------------ */

bool of_transfer_droppable(const of_transfer *transfer) {
    return atomic_load_explicit(&transfer->state, memory_order_relaxed) == OF_QUEUED ||
           transfer->wire == 0 || transfer->repeatable;
}

bool of_transfer_done(const of_transfer *transfer) {
    return atomic_load_explicit(&transfer->state, memory_order_acquire) == OF_DONE;
}

unsigned long of_transfer_number(const of_transfer *transfer) { return transfer->number; }

bool of_transfer_disconnected(const of_transfer *transfer) {
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
    if (result->kind == OF_OK && of_transfer_disconnected(transfer)) {
        result->kind = OF_CONNECTION;
        result->message = OF_DISCONNECTED;
        result->status = 0;
    }
}

const char *of_transfer_read(const of_transfer *transfer, size_t *length) {
    bool readable = of_transfer_readable(transfer) && !of_transfer_disconnected(transfer);
    *length = readable ? transfer->body.length : 0;
    return readable ? transfer->body.bytes : NULL;
}

void of_transfer_progress(const of_transfer *transfer, int64_t *done, int64_t *total) {
    bool sends = transfer->form_total > 0;
    *done = sends ? transfer->form_sent : transfer->received;
    *total = sends ? transfer->form_total : transfer->total;
}
