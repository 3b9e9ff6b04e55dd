#include "digest.h"

#include <openssl/evp.h>

bool of_sha256(const void *bytes, size_t length, char hex[OF_SHA256_HEX + 1]) {
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(bytes, length, digest, &size, EVP_sha256(), NULL) != 1 ||
        size * 2 != OF_SHA256_HEX)
        return false;
    for (unsigned int i = 0; i < size; i++) {
        hex[i * 2] = digits[digest[i] >> 4];
        hex[i * 2 + 1] = digits[digest[i] & 15];
    }
    hex[OF_SHA256_HEX] = '\0';
    return true;
}
