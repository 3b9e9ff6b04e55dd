/*
 * Preloaded by a spec: sends like a libcurl or a TLS library without MSG_NOSIGNAL. With
 * SIGPIPE_TAKEN set, a thread that blocks SIGPIPE sees a pending one that another thread then takes
 * first.
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
