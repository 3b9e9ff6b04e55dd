/* The possible results of a transfer; the names are those of the library's errors. */
#ifndef ONEFLOW_KIND_H
#define ONEFLOW_KIND_H

#define OF_KINDS(X)                                                                                \
    X(OK, "ok")                                                                                    \
    X(CONNECTION, "connection")                                                                    \
    X(TIMEOUT, "timeout")                                                                          \
    X(TLS, "tls")                                                                                  \
    X(DECODE, "decode")                                                                            \
    X(MISMATCH, "mismatch")                                                                        \
    X(LIMIT, "limit")                                                                              \
    X(CANCELLED, "cancelled")                                                                      \
    X(MEMORY, "memory")                                                                            \
    X(IO, "io")                                                                                    \
    X(VALIDATION, "validation")

typedef enum of_kind {
#define OF_KIND_ENUM(name, text) OF_##name,
    OF_KINDS(OF_KIND_ENUM)
#undef OF_KIND_ENUM
} of_kind;

const char *of_kind_name(of_kind kind);

#endif
