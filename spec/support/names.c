/* Preloaded by a spec: a name look-up that takes NAMES_SECONDS, or returns the addresses in
   NAMES_ADDRESSES, in that order, for every name. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof real);
    const char *seconds = getenv("NAMES_SECONDS");
    const char *addresses = getenv("NAMES_ADDRESSES");
    if (seconds != NULL)
        sleep((unsigned)atoi(seconds));
    if (addresses == NULL)
        return real(name, service, hints, result);
    char copy[256];
    char *rest = NULL;
    snprintf(copy, sizeof copy, "%s", addresses);
    struct addrinfo **end = result;
    for (char *one = strtok_r(copy, " ", &rest); one != NULL; one = strtok_r(NULL, " ", &rest)) {
        int failed = real(one, service, hints, end);
        if (failed)
            return failed;
        while (*end != NULL)
            end = &(*end)->ai_next;
    }
    return 0;
}
