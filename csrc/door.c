#define _GNU_SOURCE
#include "door.h"

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

/* ---- the folder --------------------------------------------------------------------------- */

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

/* The process that a socket's name names, 0: it is no such name. */
static long process_of(const char *name) {
    static const char prefix[] = "oneflow-";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return 0;
    char *end = NULL;
    long process = strtol(name + sizeof prefix - 1, &end, 10);
    return *end == '-' ? process : 0;
}

/* Sockets whose processes died without closing their doors. A process that was seen to be gone may
   live in another container, so its door is tried, too. */
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

const char *of_door_open(of_door *door, const char *folder) {
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
        else if (nobody_listens(&address)) /* another process had our number before */
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
    door->fd = fd;
    door->path = path;
    return NULL;
}

void of_door_close(of_door *door, bool ours) {
    while (door->count > 0)
        of_door_show_out(door, door->visitors[0]);
    free(door->visitors);
    door->visitors = NULL;
    door->capacity = 0;
    if (door->fd < 0)
        return;
    close(door->fd);
    door->fd = -1;
    if (ours)
        (void)unlink(door->path);
    free(door->path);
    door->path = NULL;
}

/* ---- visitors ----------------------------------------------------------------------------- */

/* Is it this very process? Where that cannot be told, at least the same user. */
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

void of_door_watch(const of_door *door, struct pollfd *watched) {
    watched[0] = (struct pollfd){.fd = door->fd, .events = door->full ? 0 : POLLIN};
    for (size_t i = 0; i < door->count; i++)
        watched[i + 1] = (struct pollfd){.fd = door->visitors[i]->fd, .events = POLLIN};
}

static bool admit(of_door *door, int fd) {
    if (door->count == door->capacity) {
        size_t capacity = door->capacity ? door->capacity * 2 : 16;
        of_visitor **visitors = realloc(door->visitors, capacity * sizeof(void *));
        if (visitors == NULL)
            return false;
        door->visitors = visitors;
        door->capacity = capacity;
    }
    of_visitor *visitor = calloc(1, sizeof *visitor);
    if (visitor == NULL)
        return false;
    visitor->fd = fd;
    door->visitors[door->count++] = visitor;
    return true;
}

void of_door_admit(of_door *door) {
    for (;;) {
        int fd = of_accept(door->fd);
        if (fd < 0) {
            door->full = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
            return;
        }
        set_up(fd);
        if (!is_self(fd) || !admit(door, fd))
            close(fd);
    }
}

of_word of_door_hear(of_visitor *visitor, unsigned long *number) {
    ssize_t count = recv(visitor->fd, visitor->text + visitor->got,
                         sizeof visitor->text - visitor->got, MSG_DONTWAIT);
    if (count < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? OF_WORD_NONE
                                                                         : OF_WORD_LEFT;
    if (count == 0)
        return OF_WORD_LEFT;
    visitor->got += (size_t)count;
    if (visitor->got < sizeof visitor->text)
        return OF_WORD_NONE;
    visitor->got = 0;
    *number = 0;
    for (size_t i = 0; i < sizeof visitor->text; i++) {
        if (visitor->text[i] < '0' || visitor->text[i] > '9')
            return OF_WORD_LEFT;
        *number = *number * 10 + (unsigned long)(visitor->text[i] - '0');
    }
    return OF_WORD_NUMBER;
}

void of_door_ring(of_visitor *visitor) {
    (void)!send(visitor->fd, "!", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void of_door_show_out(of_door *door, of_visitor *visitor) {
    for (size_t i = 0; i < door->count; i++) {
        if (door->visitors[i] == visitor)
            door->visitors[i] = door->visitors[--door->count];
    }
    close(visitor->fd);
    free(visitor);
}
