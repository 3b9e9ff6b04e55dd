/*
 * What an engine was made with: for every room that carries its transfers. It does not change, so
 * any thread may read it; the engine owns it.
 */
#ifndef ONEFLOW_CONFIG_H
#define ONEFLOW_CONFIG_H

#include "url.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct of_options {
    const char *user_agent;
    const char *ca_file;  /* NULL: the system's */
    const char *proxy;    /* NULL: none; "env": the environment's; otherwise an URL */
    long connect_timeout; /* milliseconds */
    long concurrency;     /* transfers under way at once; the others wait their turn */
    size_t max_body;      /* decoded bytes of an answer */
    long stall;           /* seconds without a byte, after which a file is given up */
    long drain;           /* milliseconds that the end of the process waits, see of_engine_drop */
} of_options;

typedef struct of_config {
    of_url url;
    of_options options;       /* copies, of its strings too */
    bool without_credentials; /* of a storage host */
} of_config;

/* False: `*why` says why, `*option` names the offending option; what was copied is freed by
   of_config_free all the same. */
bool of_config_init(of_config *config, const char *base_url, size_t base_url_length,
                    const of_options *options, const char **option, const char **why);
void of_config_free(of_config *config);

/* The CA file or folder in use, for messages. */
const char *of_config_ca(const of_config *config);

#endif
