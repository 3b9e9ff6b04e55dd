#include "form.h"

#include "memory.h"
#include "random.h"
#include "text.h"
#include "url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BOUNDARY = 32, /* hex digits: random, so no file can contain it on purpose */
    AROUND = 16 * 1024,
    NAME_MAX = 255,
};

struct of_form {
    atomic_long references;
    char boundary[BOUNDARY + 1];
    char content_type[BOUNDARY + 48];
    of_buffer preamble;
    of_buffer epilogue;
    char *content; /* for a file in memory */
    int fd;        /* for a file on disk; -1: none */
    uint64_t size;
    struct timespec changed; /* modification time of the file on disk when it was opened */
};

of_form *of_form_new(void) {
    of_form *form = calloc(1, sizeof *form);
    if (form == NULL)
        return NULL;
    if (!of_random_hex(form->boundary, BOUNDARY)) {
        free(form);
        return NULL;
    }
    atomic_init(&form->references, 1);
    form->fd = -1;
    of_buffer_init(&form->preamble, AROUND);
    of_buffer_init(&form->epilogue, AROUND);
    snprintf(form->content_type, sizeof form->content_type, "multipart/form-data; boundary=%s",
             form->boundary);
    return form;
}

void of_form_ref(of_form *form) { atomic_fetch_add(&form->references, 1); }

void of_form_unref(of_form *form) {
    if (atomic_fetch_sub(&form->references, 1) > 1)
        return;
    if (form->fd >= 0)
        close(form->fd);
    of_wipe(form->content, form->content != NULL ? (size_t)form->size : 0);
    free(form->content);
    of_buffer_free(&form->preamble);
    of_buffer_free(&form->epilogue);
    free(form);
}

const char *of_check_file_name(const char *name, size_t length) {
    if (length == 0 || length > NAME_MAX)
        return "is empty or longer than 255 bytes";
    if (!of_utf8(name, length))
        return "is not UTF-8";
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < ' ' || c == 0x7f || c == '/' || c == '\\')
            return "holds a control byte, '/' or '\\'";
    }
    return NULL;
}

/* ---- the parts ------------------------------------------------------------------------------- */

static void begin_part(of_form *form, const char *name) {
    of_buffer *preamble = &form->preamble;
    of_buffer_puts(preamble, preamble->length > 0 ? "\r\n--" : "--");
    of_buffer_puts(preamble, form->boundary);
    of_buffer_puts(preamble, "\r\nContent-Disposition: form-data; name=\"");
    of_buffer_puts(preamble, name);
    of_buffer_puts(preamble, "\"");
}

void of_form_field(of_form *form, const char *name, const char *value, size_t length) {
    begin_part(form, name);
    of_buffer_puts(&form->preamble, "\r\n\r\n");
    of_buffer_append(&form->preamble, value, length);
}

void of_form_file(of_form *form, const char *name, const char *file_name, size_t length,
                  const char *content_type) {
    of_buffer *preamble = &form->preamble;
    begin_part(form, name);
    of_buffer_puts(preamble, "; filename=\"");
    for (size_t i = 0; i < length; i++) { /* a quote, escaped as browsers do */
        if (file_name[i] == '"')
            of_buffer_puts(preamble, "%22");
        else
            of_buffer_append(preamble, file_name + i, 1);
    }
    of_buffer_puts(preamble, "\"\r\nContent-Type: ");
    of_buffer_puts(preamble, content_type);
    of_buffer_puts(preamble, "\r\n\r\n");
}

static struct timespec changed_of(const struct stat *file) {
#ifdef __APPLE__
    return file->st_mtimespec;
#else
    return file->st_mtim;
#endif
}

const char *of_form_open(of_form *form, const char *path) {
    struct stat file;
    form->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe must not block */
    if (form->fd < 0 || fstat(form->fd, &file) != 0)
        return of_error_text(errno);
    if (!S_ISREG(file.st_mode))
        return "is not a regular file";
    form->size = (uint64_t)file.st_size;
    form->changed = changed_of(&file);
    return NULL;
}

const char *of_form_content(of_form *form, const char *bytes, size_t length) {
    form->content = of_copy(bytes, length);
    form->size = length;
    return form->content != NULL ? NULL : of_no_memory;
}

bool of_form_seal(of_form *form) {
    of_buffer_puts(&form->epilogue, "\r\n--");
    of_buffer_puts(&form->epilogue, form->boundary);
    of_buffer_puts(&form->epilogue, "--\r\n");
    const of_buffer *preamble = &form->preamble;
    const of_buffer *epilogue = &form->epilogue;
    return !preamble->overflow && !preamble->out_of_memory && !epilogue->overflow &&
           !epilogue->out_of_memory;
}

uint64_t of_form_file_size(const of_form *form) { return form->size; }

uint64_t of_form_length(const of_form *form) {
    return form->preamble.length + form->size + form->epilogue.length;
}

const char *of_form_content_type(const of_form *form) { return form->content_type; }

/* ---- reading --------------------------------------------------------------------------------- */

static size_t copy(char *to, size_t room, const char *bytes, uint64_t length, uint64_t at) {
    size_t left = (size_t)(length - at);
    if (left > room)
        left = room;
    memcpy(to, bytes + at, left);
    return left;
}

static const char *read_file(const of_form *form, uint64_t at, char *bytes, size_t room,
                             size_t *got) {
    if (room > form->size - at)
        room = (size_t)(form->size - at);
    ssize_t count;
    do {
        count = pread(form->fd, bytes, room, (off_t)at);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return of_error_text(errno);
    *got = (size_t)count;
    return count > 0 ? NULL : "the file became shorter while it was sent";
}

static bool unchanged(const of_form *form) {
    struct stat file;
    if (form->fd < 0)
        return true;
    if (fstat(form->fd, &file) != 0 || (uint64_t)file.st_size != form->size)
        return false;
    struct timespec changed = changed_of(&file);
    return changed.tv_sec == form->changed.tv_sec && changed.tv_nsec == form->changed.tv_nsec;
}

const char *of_form_read(const of_form *form, uint64_t at, char *bytes, size_t room, size_t *got) {
    *got = 0;
    if (at < form->preamble.length) {
        *got = copy(bytes, room, form->preamble.bytes, form->preamble.length, at);
        return NULL;
    }
    at -= form->preamble.length;
    if (at < form->size) {
        if (form->fd >= 0)
            return read_file(form, at, bytes, room, got);
        *got = copy(bytes, room, form->content, form->size, at);
        return NULL;
    }
    at -= form->size;
    if (at == 0 && !unchanged(form))
        return "the file changed while it was sent";
    if (at < form->epilogue.length)
        *got = copy(bytes, room, form->epilogue.bytes, form->epilogue.length, at);
    return NULL;
}
