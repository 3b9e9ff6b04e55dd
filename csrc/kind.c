#include "kind.h"

const char *of_kind_name(of_kind kind) {
    static const char *const names[] = {
#define OF_KIND_NAME(name, text) text,
        OF_KINDS(OF_KIND_NAME)
#undef OF_KIND_NAME
    };
    return names[kind];
}
