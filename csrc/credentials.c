#include "credentials.h"

#include "memory.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USER_MIN = 3 };

static bool visible(const char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] <= ' ' || bytes[i] > '~')
            return false;
    }
    return true;
}

const char *of_check_token(const char *bytes, size_t length) {
    if (length == 0)
        return "is empty";
    if (length > OF_TOKEN_MAX)
        return "is longer than 255 bytes";
    if (!visible(bytes, length))
        return "holds a blank, a control byte or a byte beyond ASCII";
    return NULL;
}

const char *of_check_user(const char *bytes, size_t length) {
    if (length < USER_MIN || length > OF_USER_MAX)
        return "is not an e-mail address of 3 to 254 bytes";
    if (!visible(bytes, length))
        return "holds a blank, a control byte or a byte beyond ASCII";
    const char *at = memchr(bytes, '@', length);
    if (at == NULL)
        return "has no '@'";
    size_t before = (size_t)(at - bytes);
    size_t after = length - before - 1;
    if (memchr(at + 1, '@', after) != NULL)
        return "has more than one '@'";
    if (before == 0 || after == 0)
        return "has nothing before or after the '@'";
    return NULL;
}

/* The header value that means the person who created the contract in the path. */
static const char CREATOR[] = "__CREATOR__";

const char *of_check_acting(const char *bytes, size_t length) {
    if (length == sizeof CREATOR - 1 && memcmp(bytes, CREATOR, length) == 0)
        return NULL;
    return of_check_user(bytes, length);
}

/* Headers that callers may not set: those that the core writes, and those of the connection instead
   of the request. Also refused: every name that begins like the two credentials. */
static const char RESERVED_PREFIX[] = "x-oneflow-";
static const char *const reserved[] = {
    "host",
    "accept",
    "accept-encoding",
    "content-type",
    "content-length",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "cookie",
    "transfer-encoding",
    "authorization",
    "user-agent",
};

const char *of_check_header_name(const char *name, size_t length) {
    char plain[128]; /* '_' as '-': CGI and WSGI do not tell them apart */
    if (length == 0 || length > sizeof plain)
        return "has a name of no or of more than 128 bytes";
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        if (!good)
            return "has a name with a byte other than a-z, A-Z, 0-9, '-' and '_'";
        plain[i] = (char)(c == '_' ? '-' : c);
    }
    bool taken = of_begins(plain, length, RESERVED_PREFIX);
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved && !taken; i++)
        taken = of_is_word(plain, length, reserved[i]);
    if (taken)
        return "is set by the library and cannot be given";
    return NULL;
}

const char *of_check_header_value(const char *value, size_t length) {
    if (length == 0 || length > 4096)
        return "has no value or one of more than 4096 bytes";
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c < ' ' || c > '~')
            return "has a value with a control byte or a byte beyond ASCII";
    }
    return NULL;
}

/* ---- the token ------------------------------------------------------------------------------- */

of_token_change of_token_set(of_token *token, const char *bytes, size_t length, const char **why) {
    *why = of_check_token(bytes, length);
    if (*why != NULL)
        return OF_TOKEN_REFUSED;
    if (token->length == length && memcmp(token->bytes, bytes, length) == 0)
        return OF_TOKEN_SAME;
    char *copy = of_copy(bytes, length);
    if (copy == NULL) {
        *why = of_no_memory;
        return OF_TOKEN_REFUSED;
    }
    of_free_copy(token->previous);
    token->previous = token->bytes;
    token->previous_length = token->length;
    token->bytes = copy;
    token->length = length;
    return OF_TOKEN_CHANGED;
}

/* Uses read(), not stdio: the buffer of a FILE would keep a copy that nobody wipes. */
static const char *read_secret(const char *path, char *bytes, size_t size, size_t *length) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? "file does not exist" : "file cannot be opened";
    const char *why = NULL;
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        why = "is not in a regular file";
    } else if (info.st_mode & (S_IRWXG | S_IRWXO)) {
        why = "file can be read by others: chmod 600 it";
    }
    *length = 0;
    while (why == NULL && *length < size) {
        ssize_t got = read(fd, bytes + *length, size - *length);
        if (got == 0)
            break;
        if (got > 0) {
            *length += (size_t)got;
        } else if (errno != EINTR) {
            why = "file cannot be read";
        }
    }
    close(fd);
    return why;
}

of_token_change of_token_read_file(of_token *token, const char *path, const char **why) {
    char bytes[OF_TOKEN_MAX + 3]; /* two more for a line end, and one to detect a longer token */
    size_t length = 0;
    of_token_change change = OF_TOKEN_REFUSED;
    *why = read_secret(path, bytes, sizeof bytes, &length);
    if (*why == NULL) {
        if (length > 0 && bytes[length - 1] == '\n')
            length--;
        if (length > 0 && bytes[length - 1] == '\r')
            length--;
        change = of_token_set(token, bytes, length, why);
    }
    of_wipe(bytes, sizeof bytes);
    return change;
}

of_token_change of_token_read_env(of_token *token, const char *name, const char **why) {
    const char *value = getenv(name);
    if (value == NULL) {
        *why = "variable is not set";
        return OF_TOKEN_REFUSED;
    }
    return of_token_set(token, value, strlen(value), why);
}

void of_token_free(of_token *token) {
    of_free_copy(token->bytes);
    of_free_copy(token->previous);
    memset(token, 0, sizeof *token);
}
