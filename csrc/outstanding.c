#include "outstanding.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MAX_SHOWN = 512, LINE_MAX_BYTES = 1024 };

static of_transfer *first;

void of_outstanding_add(of_transfer *transfer) {
    transfer->listed = true;
    transfer->listed_next = first;
    if (first != NULL)
        first->listed_previous = transfer;
    first = transfer;
}

void of_outstanding_remove(of_transfer *transfer) {
    if (!transfer->listed)
        return;
    if (transfer->listed_previous != NULL)
        transfer->listed_previous->listed_next = transfer->listed_next;
    else
        first = transfer->listed_next;
    if (transfer->listed_next != NULL)
        transfer->listed_next->listed_previous = transfer->listed_previous;
    transfer->listed_previous = transfer->listed_next = NULL;
    transfer->listed = false;
}

void of_outstanding_abandon(void) {
    while (first != NULL)
        of_outstanding_remove(first);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* In one write: other threads may write to standard error, too. */
static void write_line(const of_transfer *transfer, const char *what, const char *became) {
    char line[LINE_MAX_BYTES];
    size_t path = strcspn(transfer->url.bytes, "?");
    int length = snprintf(line, sizeof line, "oneflow: %s %.*s as %s: %s%s\n", transfer->method,
                          (int)(path < PATH_MAX_SHOWN ? path : PATH_MAX_SHOWN), transfer->url.bytes,
                          transfer->user[0] != '\0' ? transfer->user : "anonymous administrator",
                          what, became);
    if (length > 0 && (size_t)length < sizeof line)
        (void)!write(STDERR_FILENO, line, (size_t)length);
}

/* Says "answered", not "done": only the body, which is not read here, says whether it was done. */
static void write_end(const of_transfer *transfer, const char *what) {
    char became[64];
    of_result result;
    of_transfer_result(transfer, &result);
    if (result.kind != OF_OK)
        snprintf(became, sizeof became, "%s: it may have been applied", of_kind_name(result.kind));
    else
        snprintf(became, sizeof became, "%sstatus %ld",
                 result.status >= 200 && result.status < 300 ? "answered, " : "", result.status);
    write_line(transfer, what, became);
}

static bool done(const of_transfer *transfer) {
    return atomic_load_explicit(&transfer->state, memory_order_acquire) == OF_DONE;
}

static bool sent(const of_transfer *transfer) {
    return atomic_load_explicit(&transfer->wire, memory_order_relaxed) > 0;
}

void of_outstanding_report(const of_transfer *transfer) {
    if (transfer->listed && !transfer->reported && sent(transfer))
        write_end(transfer, "nobody waited for the end of the call: ");
}

void of_outstanding_report_end(void) {
    for (of_transfer *transfer = first; transfer != NULL; transfer = transfer->listed_next) {
        if (transfer->reported || !sent(transfer))
            continue;
        transfer->reported = true;
        if (done(transfer))
            write_end(transfer, "the process ends before the answer is taken: ");
        else
            write_line(transfer, "the process ends before the answer: it may have been applied",
                       "");
    }
}

void of_outstanding_report_late(const of_transfer *transfer) {
    if (transfer->reported && transfer->kind == OF_OK)
        write_end(transfer, "the answer came while the process ended: ");
}

/* ---- running requests ------------------------------------------------------------------------ */

long of_outstanding_drain(void) {
    long drain = -1;
    for (const of_transfer *transfer = first; transfer != NULL; transfer = transfer->listed_next) {
        if (transfer->on_thread && transfer->reported && !done(transfer) &&
            transfer->owner->config.options.drain > drain)
            drain = transfer->owner->config.options.drain;
    }
    return drain;
}

of_transfer *of_outstanding_inline(void) {
    for (of_transfer *transfer = first; transfer != NULL; transfer = transfer->listed_next) {
        if (!transfer->on_thread && sent(transfer) && !done(transfer) &&
            pthread_equal(atomic_load(&transfer->owner->thread), pthread_self()))
            return transfer;
    }
    return NULL;
}
