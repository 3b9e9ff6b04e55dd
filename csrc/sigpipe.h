/*
 * SIGPIPE: TLS may write to a connection that its peer has closed, even while closing it. The
 * signal is blocked for this thread while libcurl works, and discarded. Plain sends do not raise
 * it. No state; any thread.
 */
#ifndef ONEFLOW_SIGPIPE_H
#define ONEFLOW_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

typedef struct of_sigpipe {
    bool blocked;
    bool was_pending;
    sigset_t old;
} of_sigpipe;

/* `wanted`: false for an engine without TLS, because blocking costs system calls. */
of_sigpipe of_sigpipe_block(bool wanted);
void of_sigpipe_unblock(const of_sigpipe *guard);

#endif
