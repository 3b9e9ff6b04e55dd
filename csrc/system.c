#define _GNU_SOURCE
#include "system.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

long long of_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void of_sleep(long milliseconds) {
    struct timespec time = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = milliseconds % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

#if defined(SOCK_CLOEXEC) && !defined(__APPLE__) /* then there are pipe2 and accept4, too */
#define AT_ONCE
#else
static int cloexec(int fd) {
    if (fd >= 0)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}
#endif

int of_socket(int family, int type, int protocol) {
#ifdef AT_ONCE
    return socket(family, type | SOCK_CLOEXEC, protocol);
#else
    return cloexec(socket(family, type, protocol));
#endif
}

int of_accept(int listener) {
#ifdef AT_ONCE
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
#else
    return cloexec(accept(listener, NULL, NULL));
#endif
}

bool of_pipe(int ends[2]) {
#ifdef AT_ONCE
    bool good = pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0;
#else
    bool good = pipe(ends) == 0;
    for (int i = 0; i < 2 && good; i++)
        (void)fcntl(cloexec(ends[i]), F_SETFL, O_NONBLOCK);
#endif
    if (!good)
        ends[0] = ends[1] = -1;
    return good;
}

void of_close_pipe(int ends[2]) {
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
        ends[i] = -1;
    }
}
