#include "target.h"

#include "curl_init.h"
#include "memory.h"
#include "random.h"
#include "system.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RANDOM = 12,     /* hex digits in the temporary name */
    NAME_KEPT = 200, /* bytes of the final name in it: some file systems allow only 255 */
};

struct of_target {
    atomic_long references;
    unsigned process;
    int folder;
    int fd;
    mode_t mode; /* permissions of the final file, by this process's umask */
    bool written;
    bool there; /* the temporary file exists */
    int error;
    const char *doing;
    char *path;       /* as given */
    const char *name; /* its last part */
    char temporary[NAME_KEPT + RANDOM + 16];
};

static bool fail(of_target *target, const char *doing) {
    target->error = errno;
    target->doing = doing;
    return false;
}

void of_target_failure(const of_target *target, char *message, size_t room) {
    snprintf(message, room, "%s could not be %s: %s", target->path, target->doing,
             of_error_text(target->error));
}

void of_target_ref(of_target *target) { atomic_fetch_add(&target->references, 1); }

void of_target_discard(of_target *target) {
    if (target->there && target->process == of_process())
        unlinkat(target->folder, target->temporary, 0);
    target->there = false;
}

void of_target_unref(of_target *target) {
    if (atomic_fetch_sub(&target->references, 1) > 1)
        return;
    of_target_discard(target);
    if (target->fd >= 0)
        close(target->fd);
    if (target->folder >= 0)
        close(target->folder);
    free(target->path);
    free(target);
}

/* ---- creation -------------------------------------------------------------------------------- */

static bool open_folder(of_target *target) {
    char *slash = strrchr(target->path, '/');
    target->name = slash != NULL ? slash + 1 : target->path;
    const char *folder = ".";
    char *copy = NULL;
    if (slash != NULL) {
        copy = of_copy(target->path, slash == target->path ? 1 : (size_t)(slash - target->path));
        if (copy == NULL)
            return false;
        folder = copy;
    }
    target->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = errno;
    free(copy);
    errno = error;
    return target->folder >= 0;
}

static int make(of_target *target, mode_t mode) {
    char digits[RANDOM + 1];
    if (!of_random_hex(digits, RANDOM))
        return -1;
    snprintf(target->temporary, sizeof target->temporary, ".%.*s.oneflow-%s", (int)NAME_KEPT,
             target->name, digits);
    int fd = of_off_standard(
        openat(target->folder, target->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    target->there = fd >= 0;
    return fd;
}

/* Learns the umask from the mode of a file that it creates, because asking for the umask changes
   it, for all threads. That file is not the one that is filled: others could have opened it. */
static bool learn_mode(of_target *target) {
    struct stat file;
    int fd = make(target, 0666);
    bool good = fd >= 0 && fstat(fd, &file) == 0;
    int error = errno;
    if (good)
        target->mode = file.st_mode & 0777;
    if (fd >= 0)
        close(fd);
    of_target_discard(target);
    errno = error;
    return good;
}

of_target *of_target_new(const char *path, char message[OF_TARGET_MESSAGE]) {
    snprintf(message, OF_TARGET_MESSAGE, "%s", of_no_memory);
    of_target *target = calloc(1, sizeof *target);
    if (target == NULL)
        return NULL;
    atomic_init(&target->references, 1);
    target->process = of_process();
    target->folder = target->fd = -1;
    target->path = of_copy(path, strlen(path));
    if (target->path == NULL) {
        of_target_unref(target);
        return NULL;
    }
    struct stat old;
    const char *why = NULL;
    if (!open_folder(target)) {
        why = "its folder could not be opened";
    } else if (target->name[0] == '\0' || strcmp(target->name, ".") == 0 ||
               strcmp(target->name, "..") == 0) {
        why = "it is a folder";
        errno = EISDIR;
    } else if (fstatat(target->folder, target->name, &old, AT_SYMLINK_NOFOLLOW) == 0) {
        if (!S_ISREG(old.st_mode)) { /* renaming over a device or a link would destroy it */
            why = "it is there, and is not a regular file";
            errno = S_ISDIR(old.st_mode) ? EISDIR : EEXIST;
        }
    } else if (errno != ENOENT) {
        why = "it could not be looked at";
    }
    if (why == NULL && (!learn_mode(target) || (target->fd = make(target, 0600)) < 0))
        why = "no file could be made in its folder";
    if (why != NULL) {
        if (errno != ENOMEM)
            snprintf(message, OF_TARGET_MESSAGE, "%s (%s)", why, of_error_text(errno));
        of_target_unref(target);
        return NULL;
    }
    return target;
}

/* ---- writing --------------------------------------------------------------------------------- */

bool of_target_rewind(of_target *target) {
    if (target->written && (ftruncate(target->fd, 0) != 0 || lseek(target->fd, 0, SEEK_SET) != 0))
        return fail(target, "emptied");
    target->written = false;
    return true;
}

bool of_target_write(of_target *target, const char *bytes, size_t length) {
    target->written = true;
    while (length > 0) {
        ssize_t count = write(target->fd, bytes, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return fail(target, "written");
        bytes += count;
        length -= (size_t)count;
    }
    return true;
}

bool of_target_commit(of_target *target) {
    if (!target->there || target->process != of_process()) {
        errno = ECANCELED;
        return fail(target, "named");
    }
    if (fchmod(target->fd, target->mode) != 0 || fsync(target->fd) != 0)
        return fail(target, "written to disk");
    if (renameat(target->folder, target->temporary, target->folder, target->name) != 0)
        return fail(target, "named");
    target->there = false;
    if (fsync(target->folder) != 0 &&
        errno != EINVAL) /* EINVAL: the file system does not support it */
        return fail(target, "written to disk for good, though it is there");
    return true;
}
