#include "url.h"

#include "text.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static bool loopback(const char *host) {
    if (of_is_word(host, strlen(host), "localhost") || strcmp(host, "[::1]") == 0)
        return true;
    if (strncmp(host, "127.", 4) != 0)
        return false;
    return host[strspn(host, "0123456789.")] == '\0';
}

/* Letters, digits, '.', '-', '_', or an IPv6 address in brackets: nothing that a proxy, a log or
   libcurl's decoding could take for another host. */
static bool plain_host(const char *host) {
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    size_t length = strlen(host);
    if (length > 1 && host[0] == '[') {
        return host[length - 1] == ']' &&
               strspn(host + 1, "0123456789abcdefABCDEF:.") == length - 2;
    }
    return length > 0 && host[strspn(host, name)] == '\0';
}

/* Reads one part of a parsed URL; NULL if it is missing. False: no memory. */
static bool read_part(CURLU *parsed, CURLUPart part, char **text) {
    CURLUcode code = curl_url_get(parsed, part, text, 0);
    if (code != CURLUE_OK)
        *text = NULL;
    return code != CURLUE_OUT_OF_MEMORY;
}

static const char *fill(of_url *url, CURLU *parsed, const char *text) {
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    char *path = NULL;
    const char *why = NULL;

    CURLUcode code = curl_url_set(parsed, CURLUPART_URL, text, CURLU_PATH_AS_IS);
    if (code != CURLUE_OK)
        return code == CURLUE_OUT_OF_MEMORY ? of_no_memory
                                            : "is not an absolute URL with a valid port";
    static const struct {
        CURLUPart part;
        const char *why;
    } unwanted[] = {
        {CURLUPART_USER, "holds a user name"}, {CURLUPART_PASSWORD, "holds a password"},
        {CURLUPART_QUERY, "holds a query"},    {CURLUPART_FRAGMENT, "holds a fragment"},
        {CURLUPART_ZONEID, "holds a zone id"}, {CURLUPART_OPTIONS, "holds login options"},
    };
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++) {
        char *part = NULL;
        if (!read_part(parsed, unwanted[i].part, &part))
            return of_no_memory;
        curl_free(part);
        if (part != NULL)
            return unwanted[i].why;
    }
    if (!read_part(parsed, CURLUPART_SCHEME, &scheme) ||
        !read_part(parsed, CURLUPART_HOST, &host) || !read_part(parsed, CURLUPART_PATH, &path) ||
        !read_part(parsed, CURLUPART_PORT, &port)) {
        why = of_no_memory;
        goto done;
    }
    if (scheme == NULL || host == NULL || path == NULL) {
        why = "has no scheme or no host";
        goto done;
    }
    url->tls = strcmp(scheme, "https") == 0;
    url->loopback = loopback(host);
    if (!plain_host(host)) {
        why = "has a host with unusual characters";
    } else if (!url->tls && !url->loopback) {
        why = "is http beyond this machine: the token would travel in clear, use https";
    } else if (port != NULL && strtol(port, NULL, 10) == 0) {
        why = "has port 0";
    } else {
        size_t length = strlen(path);
        while (length > 0 && path[length - 1] == '/')
            length--;
        path[length] = '\0';
        if (length > 0)
            why = of_check_path(path, length);
        if (why != NULL)
            goto done;
        of_buffer origin;
        of_buffer_init(&origin, 4096);
        of_buffer_puts(&origin, scheme);
        of_buffer_puts(&origin, "://");
        of_buffer_puts(&origin, host);
        if (port != NULL) {
            of_buffer_puts(&origin, ":");
            of_buffer_puts(&origin, port);
        }
        url->origin = origin.bytes;
        url->path = of_copy(path, length);
        if (origin.overflow || origin.out_of_memory)
            why = of_buffer_why(&origin);
        else if (url->path == NULL)
            why = of_no_memory;
    }
done:
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    return why;
}

static size_t authority_end(const char *text, const char *colon) {
    size_t at = (size_t)(colon - text) + 3;
    return at + strcspn(text + at, "/?#");
}

const char *of_url_parse(of_url *url, const char *text, size_t length) {
    memset(url, 0, sizeof *url);
    if (length == 0 || length > 2048)
        return "is empty or longer than 2048 bytes";
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '\\') {
            return "holds a blank, a backslash, a control byte or a byte beyond ASCII";
        }
    }
    bool http = of_begins(text, length, "https://") || of_begins(text, length, "http://");
    if (!http)
        return "does not begin with https:// or http://";
    if (strstr(text, ":///") != NULL) /* libcurl would take the path's first segment for the host */
        return "has no host";
    if (memchr(text, '%', length) != NULL)
        return "holds a '%'";
    if (memchr(text, '#', length) != NULL)
        return "holds a fragment";
    if (memchr(text, '?', length) != NULL)
        return "holds a query";
    if (memchr(text, '@', authority_end(text, strstr(text, "://"))) != NULL)
        return "holds a user name"; /* libcurl refuses it as for lack of memory */
    CURLU *parsed = curl_url();
    if (parsed == NULL)
        return of_no_memory;
    const char *why = fill(url, parsed, text);
    curl_url_cleanup(parsed);
    if (why != NULL)
        of_url_free(url);
    return why;
}

const char *of_url_origin(of_buffer *origin, const char *text, size_t length) {
    if (length == 0 || length > 16 * 1024)
        return "is empty or longer than 16 KiB";
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '\\')
            return "holds a blank, a backslash, a control byte or a byte beyond ASCII";
    }
    const char *colon = strstr(text, "://");
    if (colon == NULL)
        return "is not absolute";
    size_t authority = authority_end(text, colon);
    if (memchr(text, '@', authority) != NULL)
        return "holds a user name";
    return of_buffer_append(origin, text, authority) ? NULL : of_buffer_why(origin);
}

void of_url_target(of_buffer *target, const char *text) {
    const char *from = text + authority_end(text, strstr(text, "://"));
    if (*from != '/')
        of_buffer_puts(target, "/");
    of_buffer_append(target, from, strcspn(from, "#"));
}

void of_url_free(of_url *url) {
    free(url->origin);
    free(url->path);
    memset(url, 0, sizeof *url);
}

static bool unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

const char *of_check_path(const char *path, size_t length) {
    if (length == 0 || path[0] != '/')
        return "does not begin with '/'";
    if (length > 2048)
        return "is longer than 2048 bytes";
    size_t segment = 1; /* start of the current segment */
    for (size_t i = 1; i <= length; i++) {
        if (i == length || path[i] == '/') {
            size_t width = i - segment;
            if (width == 0 && i < length)
                return "has an empty segment";
            if (width > 0 && width <= 2 && strncmp(path + segment, "..", width) == 0)
                return "has a segment '.' or '..'";
            segment = i + 1;
        } else if (path[i] == '%') {
            int high = i + 2 < length ? hex(path[i + 1]) : -1;
            int low = high >= 0 ? hex(path[i + 2]) : -1;
            if (low < 0)
                return "has a '%' that no two hex digits follow";
            int byte = high * 16 + low;
            if (byte < 0x20 || byte == 0x7f || byte == '/' || byte == '\\' || byte == '.' ||
                byte == '%') {
                return "escapes a control byte, '/', '\\', '.' or '%' with a '%'";
            }
            i += 2;
        } else if (!unreserved(path[i]) &&
                   (path[i] == '\0' || strchr("!$&'()*+,;=:@", path[i]) == NULL)) {
            return "holds a character that a path must not hold";
        }
    }
    return NULL;
}

bool of_escape(of_buffer *out, const char *bytes, size_t length) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        char code[3] = {'%', digits[c >> 4], digits[c & 15]};
        bool good = unreserved(bytes[i]) ? of_buffer_append(out, bytes + i, 1)
                                         : of_buffer_append(out, code, 3);
        if (!good)
            return false;
    }
    return true;
}

bool of_utf8(const char *text, size_t length) {
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0;
    while (i < length) {
        unsigned char c = s[i];
        if (c < 0x80) {
            i++;
            continue;
        }
        size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || length - i <= more)
            return false;
        unsigned char second = s[i + 1];
        if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
            (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f)) {
            return false;
        }
        for (size_t k = 1; k <= more; k++) {
            if ((s[i + k] & 0xc0) != 0x80)
                return false;
        }
        i += more + 1;
    }
    return true;
}
