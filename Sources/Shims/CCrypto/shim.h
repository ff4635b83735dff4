#pragma once
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

/* EVP_sha256() behind HMAC() returns a library-owned pointer; one call here keeps it out of Swift. */
static inline int muster_hmac_sha256(
    const void *key, int key_count, const unsigned char *data, size_t data_count, unsigned char out[32]) {
    unsigned int written = 0;
    return HMAC(EVP_sha256(), key, key_count, data, data_count, out, &written) != NULL && written == 32;
}
