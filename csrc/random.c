#include "random.h"

#include <unistd.h>
#ifdef __APPLE__
#include <sys/random.h>
#endif

/* Not libcrypto's generator, which stays unusable once it has lacked memory at its first use. */
bool of_random_hex(char *hex, size_t count) {
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[OF_RANDOM_MAX / 2];
    if (count > OF_RANDOM_MAX || getentropy(bytes, sizeof bytes) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        hex[i] = digits[i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15];
    hex[count] = '\0';
    return true;
}
