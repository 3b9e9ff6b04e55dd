#include "sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

static bool is_pending(void) {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
}

/* Does not wait: another thread may take a signal that is pending for the whole process. */
static void swallow(void) {
    sigset_t pipe_set;
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
#if defined(__APPLE__) || defined(__OpenBSD__) /* which have no sigtimedwait */
    int ignored;
    sigwait(&pipe_set, &ignored);
#else
    const struct timespec now = {0, 0};
    while (sigtimedwait(&pipe_set, NULL, &now) < 0 && errno == EINTR)
        continue;
#endif
}

of_sigpipe of_sigpipe_block(bool wanted) {
    of_sigpipe guard = {.blocked = wanted};
    if (wanted) {
        sigset_t pipe_set;
        sigemptyset(&pipe_set);
        sigaddset(&pipe_set, SIGPIPE);
        guard.was_pending = is_pending();
        pthread_sigmask(SIG_BLOCK, &pipe_set, &guard.old);
    }
    return guard;
}

void of_sigpipe_unblock(const of_sigpipe *guard) {
    if (!guard->blocked)
        return;
    if (!guard->was_pending && is_pending())
        swallow();
    pthread_sigmask(SIG_SETMASK, &guard->old, NULL);
}
