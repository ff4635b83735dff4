#pragma once
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>

/* A context of HMAC-SHA-256 that is keyed once: to look the algorithm up and to key it costs ten times a short message.
   NULL where libcrypto cannot. */
static inline EVP_MAC_CTX *muster_hmac_sha256_new(const unsigned char *key, size_t key_count) {
    static const unsigned char none[1];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0), OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    EVP_MAC_CTX *context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    if (context != NULL && !EVP_MAC_init(context, key_count == 0 ? none : key, key_count, params)) {
        EVP_MAC_CTX_free(context);
        return NULL;
    }
    return context;
}

/* The code of one message; 0 where libcrypto cannot. One caller at a time. */
static inline int muster_hmac_sha256(
    EVP_MAC_CTX *context, const unsigned char *data, size_t data_count, unsigned char out[32]) {
    size_t written = 0;
    return EVP_MAC_init(context, NULL, 0, NULL) && EVP_MAC_update(context, data, data_count)
        && EVP_MAC_final(context, out, &written, 32) && written == 32;
}
