/*
 * What an engine was made with, for every file that works on its transfers. The engine owns it. It
 * never changes, so any thread may read it.
 */
#ifndef ONEFLOW_CONFIG_H
#define ONEFLOW_CONFIG_H

#include "url.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct of_options {
    const char *user_agent;
    const char *ca_file;  /* NULL: the system's */
    const char *proxy;    /* NULL: none; "env": from the environment; otherwise a URL */
    long connect_timeout; /* milliseconds */
    long concurrency;     /* transfers running at once; further ones are queued */
    size_t max_body;      /* decoded bytes of an answer */
    long stall;           /* seconds without a byte, after which a file is given up */
    long drain;           /* milliseconds to wait at the end of the process, see of_engine_drop */
} of_options;

typedef struct of_config {
    of_url url;
    of_options options;       /* a copy, with copies of its strings */
    bool without_credentials; /* true for a storage host */
} of_config;

/* False: `*why` says why, `*option` names the offending option. Call of_config_free in either
   case. */
bool of_config_init(of_config *config, const char *base_url, size_t base_url_length,
                    const of_options *options, const char **option, const char **why);
void of_config_free(of_config *config);

/* The CA file or folder in use, for messages. */
const char *of_config_ca(const of_config *config);

#endif
