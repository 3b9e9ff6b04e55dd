#include "random.h"

#include <openssl/rand.h>

bool of_random_hex(char *hex, size_t count) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i + 1 < count; i += 2) {
        unsigned char byte;
        if (RAND_bytes(&byte, 1) != 1)
            return false;
        hex[i] = digits[byte >> 4];
        hex[i + 1] = digits[byte & 15];
    }
    hex[count] = '\0';
    return true;
}
