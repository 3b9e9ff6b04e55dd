/*
 * Checks every header byte by byte: the two that decide who sends the contract, and all others.
 *
 * of_token holds the API token in C memory. It is set from bytes, a file or an environment
 * variable, and is never handed out. of_token_free wipes it. The engine owns it; one thread at a
 * time.
 *
 * The checks return NULL for a good value, and otherwise a message that says what is wrong without
 * showing the value. They keep nothing.
 */
#ifndef ONEFLOW_CREDENTIALS_H
#define ONEFLOW_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#define OF_TOKEN_HEADER "x-oneflow-api-token"
#define OF_USER_HEADER "x-oneflow-user-email"

enum { OF_TOKEN_MAX = 255, OF_USER_MAX = 254 }; /* bytes */

typedef struct of_token {
    char *bytes;
    size_t length;
    char *previous; /* kept only for masking: an answer may still echo it */
    size_t previous_length;
} of_token;

typedef enum of_token_change { OF_TOKEN_SAME, OF_TOKEN_CHANGED, OF_TOKEN_REFUSED } of_token_change;

/* On OF_TOKEN_REFUSED `*why` says why, and the token is unchanged. */
of_token_change of_token_set(of_token *token, const char *bytes, size_t length, const char **why);
of_token_change of_token_read_file(of_token *token, const char *path, const char **why);
of_token_change of_token_read_env(of_token *token, const char *name, const char **why);
void of_token_free(of_token *token);

const char *of_check_token(const char *bytes, size_t length);
const char *of_check_user(const char *bytes, size_t length);
/* A user, or the service's word for the creator of the contract, which only the library writes. */
const char *of_check_acting(const char *bytes, size_t length);
const char *of_check_header_name(const char *name, size_t length);
const char *of_check_header_value(const char *value, size_t length);

#endif
