#include "wakeup.h"

#include "system.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    GAPS = 16, /* after this many unused numbers the search ends: new descriptors get the lowest */
    ROUNDS = 2,
};

/* ---- kinds of descriptors -------------------------------------------------------------------- */

static bool is_inherited(int fd) {
    int flags = fcntl(fd, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

static void keep(int fd) {
    if (is_inherited(fd))
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* A socket made by socketpair() has no name. */
static bool is_local_socket(int fd) {
    struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof name;
    return getsockname(fd, (struct sockaddr *)&name, &length) == 0 && name.ss_family == AF_UNIX &&
           length <= sizeof name.ss_family;
}

/* Its type is none that stat has a name for. An eventfd is both ends in one. */
static bool is_eventfd(const struct stat *status) { return (status->st_mode & S_IFMT) == 0; }

static bool may_wake(int fd, const struct stat *status) {
    return is_eventfd(status) || S_ISFIFO(status->st_mode) ||
           (S_ISSOCK(status->st_mode) && is_local_socket(fd));
}

/* ---- the pair of a curl_multi ---------------------------------------------------------------- */

/* Is a byte on its way from one end to the other? Either end shows it. */
static bool carries(int fd) {
    struct pollfd input = {.fd = fd, .events = POLLIN};
    int bytes = 0;
    if (poll(&input, 1, 0) == 1 && (input.revents & POLLIN) != 0)
        return true;
#ifdef TIOCOUTQ
    if (ioctl(fd, TIOCOUTQ, &bytes) == 0 && bytes > 0)
        return true;
#endif
    return ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

/* Is this the wake-up descriptor? No other one changes, each time, when this curl_multi is woken
   and when it has read that. */
static bool wakes(CURLM *multi, int fd) {
    for (int i = 0; i < ROUNDS; i++) {
        if (carries(fd) || curl_multi_wakeup(multi) != CURLM_OK)
            return false;
        bool woken = carries(fd);
        if (curl_multi_poll(multi, NULL, 0, 0, NULL) != CURLM_OK || !woken)
            return false;
    }
    return !carries(fd);
}

/* Finds both ends, or the only one where libcurl has no second. */
static bool find_pair(CURLM *multi, int first, int pair[2]) {
    int count = 0;
    int gaps = 0;
    for (int fd = first; count < 2 && gaps < GAPS; fd++) {
        struct stat status;
        if (fstat(fd, &status) != 0) {
            gaps++;
        } else if (may_wake(fd, &status) && wakes(multi, fd)) {
            pair[count++] = fd;
            if (is_eventfd(&status))
                pair[count++] = fd;
        }
    }
    return count == 2;
}

static int lowest_free(void) {
    int fd = of_socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0)
        close(fd);
    return fd;
}

CURLM *of_wakeup_new_multi(int pair[2]) {
    pair[0] = pair[1] = -1;
    int first = lowest_free();
    CURLM *multi = curl_multi_init();
    if (multi == NULL || first < 0)
        return multi;
    if (!find_pair(multi, first, pair)) /* another thread may have closed a lower one meanwhile */
        (void)find_pair(multi, 0, pair);
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            keep(pair[i]);
    }
    return multi;
}

/* ---- the pair of a name look-up -------------------------------------------------------------- */

/* Were the two sockets made by one system call? Linux numbers inodes in sequence, in blocks of
   1024. */
static bool follows(ino_t first, ino_t second) {
    return second == first + 1 || (first % 1024 == 0 && second % 1024 == 1);
}

/* libcurl polls one end and does not name the other: finds it. */
static void keep_other(int fd) {
    struct stat one;
    struct stat other;
    if (fstat(fd, &one) != 0 || !S_ISSOCK(one.st_mode) || !is_local_socket(fd))
        return;
    for (int gaps = 0; gaps < GAPS;) {
        if (fstat(++fd, &other) != 0)
            gaps++;
        else if (S_ISSOCK(other.st_mode) && follows(one.st_ino, other.st_ino) &&
                 is_local_socket(fd))
            return keep(fd);
    }
}

void of_wakeup_keep_lookup(int fd) {
    if (is_inherited(fd)) {
        keep(fd);
        keep_other(fd);
    }
}
