#include "digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

static bool hex_digest(const EVP_MD *kind, const void *bytes, size_t length, char *hex,
                       size_t hex_length) {
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(bytes, length, digest, &size, kind, NULL) != 1 || (size_t)size * 2 != hex_length)
        return false;
    for (unsigned int i = 0; i < size; i++) {
        hex[i * 2] = digits[digest[i] >> 4];
        hex[i * 2 + 1] = digits[digest[i] & 15];
    }
    hex[hex_length] = '\0';
    return true;
}

bool of_sha256(const void *bytes, size_t length, char hex[OF_SHA256_HEX + 1]) {
    return hex_digest(EVP_sha256(), bytes, length, hex, OF_SHA256_HEX);
}

bool of_sha1(const void *bytes, size_t length, char hex[OF_SHA1_HEX + 1]) {
    return hex_digest(EVP_sha1(), bytes, length, hex, OF_SHA1_HEX);
}

bool of_equal(const void *a, size_t a_length, const void *b, size_t b_length) {
    return a_length == b_length && CRYPTO_memcmp(a, b, a_length) == 0;
}
