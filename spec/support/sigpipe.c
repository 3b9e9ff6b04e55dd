/*
 * Preloaded by a spec: sends as a libcurl or a TLS library does that knows no MSG_NOSIGNAL. With
 * SIGPIPE_TAKEN set, a thread that blocks SIGPIPE is told that one is pending which another thread
 * takes before it does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    ssize_t (*real)(int, const void *, size_t, int);
    void *symbol = dlsym(RTLD_NEXT, "send");
    memcpy(&real, &symbol, sizeof real);
    return real(fd, bytes, length, flags & ~MSG_NOSIGNAL);
}

int sigpending(sigset_t *set) {
    int (*real)(sigset_t *);
    void *symbol = dlsym(RTLD_NEXT, "sigpending");
    memcpy(&real, &symbol, sizeof real);
    int result = real(set);
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    if (getenv("SIGPIPE_TAKEN") != NULL && sigismember(&blocked, SIGPIPE) == 1)
        sigaddset(set, SIGPIPE);
    return result;
}
