#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
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

#if defined(SOCK_CLOEXEC) && !defined(__APPLE__) /* then pipe2 and accept4 exist, too */
#define AT_ONCE
#else
static int cloexec(int fd) {
    if (fd >= 0)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}
#endif

int of_off_standard(int fd) {
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = errno;
    close(fd);
    errno = error;
    return moved;
}

int of_socket(int family, int type, int protocol) {
#ifdef AT_ONCE
    return of_off_standard(socket(family, type | SOCK_CLOEXEC, protocol));
#else
    return of_off_standard(cloexec(socket(family, type, protocol)));
#endif
}

int of_accept(int listener) {
#ifdef AT_ONCE
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
#else
    return cloexec(accept(listener, NULL, NULL));
#endif
}

#define SHORTAGES(X)                                                                               \
    X(EMFILE, "too many open files in this process")                                               \
    X(ENFILE, "too many open files on this machine")                                               \
    X(ENOBUFS, "no memory in the system for a socket")                                             \
    X(EACCES, "this process may not open a socket")                                                \
    X(EPERM, "this process may not open a socket")

const char *of_shortage(int error) {
    switch (error) {
#define SHORTAGE_CASE(number, words)                                                               \
    case number:                                                                                   \
        return words " (" #number ")";
        SHORTAGES(SHORTAGE_CASE)
#undef SHORTAGE_CASE
    default:
        return NULL;
    }
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

const char *of_shortage_now(void) {
    int ends[2];
    if (!of_pipe(ends))
        return of_shortage(errno);
    of_close_pipe(ends);
    return NULL;
}
