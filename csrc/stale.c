#define _GNU_SOURCE
#include "stale.h"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

/* Decrypted bytes are held by TLS and do not show on the socket. Asked is the very libssl that
   libcurl was linked to, whichever others are in the process; with another TLS library there is
   none to ask. */
static int (*has_pending)(const void *ssl);

static void find_has_pending(void) {
    Dl_info libcurl;
    CURL *(*init)(void) = curl_easy_init;
    void *address;
    memcpy(&address, &init, sizeof address);
    if (dladdr(address, &libcurl) == 0 || libcurl.dli_fname == NULL)
        return;
    void *library = dlopen(libcurl.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (library == NULL)
        return;
    void *symbol = dlsym(library, "SSL_has_pending");
    memcpy(&has_pending, &symbol, sizeof has_pending);
    dlclose(library);
}

bool of_input_waits(CURL *easy, int fd, bool over_tls) {
    struct pollfd input = {.fd = fd, .events = POLLIN};
    if (poll(&input, 1, 0) > 0)
        return true;
    if (!over_tls)
        return false;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_has_pending);
    struct curl_tlssessioninfo *tls = NULL;
    return has_pending != NULL && curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK &&
           tls != NULL && tls->backend == CURLSSLBACKEND_OPENSSL && tls->internals != NULL &&
           has_pending(tls->internals) != 0;
}
