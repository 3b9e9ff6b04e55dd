#include "notify_socket.h"

#include "memory.h"
#include "system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

static void set_up(int fd) {
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
#ifdef SO_NOSIGPIPE
    (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
#endif
}

/* ---- the folder ------------------------------------------------------------------------------ */

static const char *own_folder(const char *folder) {
    struct stat found;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return "cannot be made";
    if (lstat(folder, &found) != 0 || !S_ISDIR(found.st_mode))
        return "is no folder";
    if (found.st_uid != geteuid() || (found.st_mode & 077) != 0)
        return "must be a folder of the process's own user, with mode 0700";
    return NULL;
}

static bool address_of(struct sockaddr_un *address, const char *folder, const char *name) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(address->sun_path, sizeof address->sun_path, "%s/%s", folder, name);
    return length > 0 && (size_t)length < sizeof address->sun_path;
}

static bool nobody_listens(const struct sockaddr_un *address) {
    int fd = of_socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return false;
    set_up(fd);
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                   errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* The process id in the name of a socket; 0: the name has another form. */
static long process_of(const char *name) {
    static const char prefix[] = "oneflow-";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return 0;
    char *end = NULL;
    long process = strtol(name + sizeof prefix - 1, &end, 10);
    return *end == '-' ? process : 0;
}

/* Removes the sockets of processes that ended without closing them. A process that seems to be gone
   may live in another container, so a connection to its socket is tried as well. */
static void clear_stale(const char *folder) {
    DIR *entries = opendir(folder);
    if (entries == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        long process = process_of(entry->d_name);
        struct sockaddr_un address;
        if (process <= 0)
            continue;
        if (kill((pid_t)process, 0) != 0 && errno == ESRCH &&
            address_of(&address, folder, entry->d_name) && nobody_listens(&address))
            (void)unlink(address.sun_path);
    }
    closedir(entries);
}

const char *of_notify_socket_open(of_notify_socket *notify, const char *folder) {
    char standard[64];
    if (folder == NULL) {
        snprintf(standard, sizeof standard, "/tmp/oneflow-%ld", (long)geteuid());
        folder = standard;
    }
    const char *why = own_folder(folder);
    if (why != NULL)
        return why;
    clear_stale(folder);
    int fd = of_socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return "gets no socket";
    set_up(fd);
    struct sockaddr_un address;
    why = "has no free name for a socket";
    for (int attempt = 0; attempt < 10 && why != NULL; attempt++) {
        char name[64];
        snprintf(name, sizeof name, "oneflow-%ld-%d.sock", (long)getpid(), attempt);
        if (!address_of(&address, folder, name)) {
            why = "has too long a path for a socket";
            break;
        }
        if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
            why = NULL;
        else if (errno != EADDRINUSE)
            break;
        else if (nobody_listens(&address)) /* left by an earlier process with our process id */
            (void)unlink(address.sun_path);
    }
    char *path = why == NULL ? of_copy(address.sun_path, strlen(address.sun_path)) : NULL;
    if (why == NULL && (path == NULL || listen(fd, 1024) != 0)) {
        (void)unlink(address.sun_path);
        why = "gets no socket that listens";
    }
    if (why != NULL) {
        free(path);
        close(fd);
        return why;
    }
    notify->fd = fd;
    notify->path = path;
    return NULL;
}

void of_notify_socket_close(of_notify_socket *notify, bool ours) {
    while (notify->count > 0)
        of_notify_socket_disconnect(notify, notify->subscribers[0]);
    free(notify->subscribers);
    notify->subscribers = NULL;
    notify->capacity = 0;
    if (notify->fd < 0)
        return;
    close(notify->fd);
    notify->fd = -1;
    if (ours)
        (void)unlink(notify->path);
    free(notify->path);
    notify->path = NULL;
}

/* ---- subscribers ----------------------------------------------------------------------------- */

/* Is the peer this very process? Where the system cannot tell: is it at least the same user? */
static bool is_self(int fd) {
#if defined(SO_PEERCRED) && defined(__linux__)
    struct ucred peer;
    socklen_t length = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid() &&
           peer.pid == getpid();
#else
    uid_t user;
    gid_t group;
    return getpeereid(fd, &user, &group) == 0 && user == geteuid();
#endif
}

void of_notify_socket_watch(const of_notify_socket *notify, struct pollfd *watched) {
    watched[0] = (struct pollfd){.fd = notify->fd, .events = notify->full ? 0 : POLLIN};
    for (size_t i = 0; i < notify->count; i++)
        watched[i + 1] = (struct pollfd){.fd = notify->subscribers[i]->fd, .events = POLLIN};
}

static bool add(of_notify_socket *notify, int fd) {
    if (!of_grow(notify->subscribers, notify->capacity, notify->count + 1))
        return false;
    of_subscriber *subscriber = calloc(1, sizeof *subscriber);
    if (subscriber == NULL)
        return false;
    subscriber->fd = fd;
    notify->subscribers[notify->count++] = subscriber;
    return true;
}

void of_notify_socket_accept(of_notify_socket *notify) {
    for (;;) {
        int fd = of_accept(notify->fd);
        if (fd < 0) {
            notify->full = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
            return;
        }
        set_up(fd);
        if (!is_self(fd) || !add(notify, fd))
            close(fd);
    }
}

of_subscriber_word of_subscriber_read(of_subscriber *subscriber, unsigned long *number) {
    ssize_t count = recv(subscriber->fd, subscriber->text + subscriber->got,
                         sizeof subscriber->text - subscriber->got, MSG_DONTWAIT);
    if (count < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? OF_WORD_NONE
                                                                         : OF_WORD_LEFT;
    if (count == 0)
        return OF_WORD_LEFT;
    subscriber->got += (size_t)count;
    if (subscriber->got < sizeof subscriber->text)
        return OF_WORD_NONE;
    subscriber->got = 0;
    *number = 0;
    for (size_t i = 0; i < sizeof subscriber->text; i++) {
        if (subscriber->text[i] < '0' || subscriber->text[i] > '9')
            return OF_WORD_LEFT;
        *number = *number * 10 + (unsigned long)(subscriber->text[i] - '0');
    }
    return OF_WORD_NUMBER;
}

void of_subscriber_notify(of_subscriber *subscriber) {
    (void)!send(subscriber->fd, "!", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void of_notify_socket_disconnect(of_notify_socket *notify, of_subscriber *subscriber) {
    for (size_t i = 0; i < notify->count; i++) {
        if (notify->subscribers[i] == subscriber)
            notify->subscribers[i] = notify->subscribers[--notify->count];
    }
    close(subscriber->fd);
    free(subscriber);
}
