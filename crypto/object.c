/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object: the kinds that hold keys. Secrets are kept in a list until the program ends. */
#include "crypto/object.h"

#include <glib.h>
#include <nettle/aes.h>
#include <nettle/cbc.h>
#include <string.h>

#include "base/bits.h"
#include "crypto/tls.h"

struct secret {
    char *id;
    uint8_t *data;
    size_t size;
    struct secret *next;
};

static struct secret *secrets;

/* --- secrets --------------------------------------------------------------------------------- */

static struct secret *find_secret(const char *id)
{
    struct secret *s = secrets;

    while (s && strcmp(s->id, id) != 0) {
        s = s->next;
    }
    return s;
}

uint8_t *secret_bytes(const char *id, size_t *size, struct error **err)
{
    struct secret *s = find_secret(id);
    uint8_t *copy;

    if (!s) {
        error_set(err, "No secret with id '%s'; --object secret,id=%s,file=... makes one", id, id);
        return NULL;
    }
    copy = g_malloc0(s->size + 1);
    memcpy(copy, s->data, s->size);
    *size = s->size;
    return copy;
}

static uint8_t *decode64(const char *text, size_t *size, const char *what, struct error **err)
{
    uint8_t *data = g_base64_decode(text, size);
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                           "0123456789+/=\r\n");

    if (text[length] || (!*size && *text)) {
        error_set(err, "%s is not valid base64", what);
        g_free(data);
        return NULL;
    }
    return data;
}

/* keyid= and iv=: the data is encrypted by AES-256-CBC with PKCS#7 padding. */
static bool decrypt(struct secret *s, const char *key_id, const char *iv_text, struct error **err)
{
    struct CBC_CTX(struct aes256_ctx, AES_BLOCK_SIZE) cbc;
    size_t key_size = 0, iv_size = 0;
    uint8_t *key = secret_bytes(key_id, &key_size, err), *iv = NULL, pad;
    bool good = key;

    if (good && key_size != 32) {
        error_set(err, "Key in secret '%s' must have 32 bytes, not %zu", key_id, key_size);
        good = false;
    }
    if (good && !iv_text) {
        error_set(err, "iv= is required to decrypt the secret '%s'", s->id);
        good = false;
    }
    iv = good ? decode64(iv_text, &iv_size, "iv", err) : NULL;
    if (iv && (iv_size != AES_BLOCK_SIZE || !s->size || s->size % AES_BLOCK_SIZE)) {
        error_set(err, "secret '%s': iv and data must have whole blocks of 16 bytes", s->id);
        good = false;
    }
    if (good && iv) {
        aes256_set_decrypt_key(&cbc.ctx, key);
        CBC_SET_IV(&cbc, iv);
        CBC_DECRYPT(&cbc, aes256_decrypt, s->size, s->data, s->data);
        pad = s->data[s->size - 1];
        if (pad < 1 || pad > AES_BLOCK_SIZE) {
            error_set(err, "secret '%s' cannot be decrypted: wrong key or iv", s->id);
            good = false;
        } else {
            s->size -= pad;
        }
    }
    good = good && iv;
    g_free(key);
    g_free(iv);
    return good;
}

static bool read_secret(struct secret *s, struct keyval *kv, struct error **err)
{
    const char *data = keyval_string(kv, "data", NULL), *file = keyval_string(kv, "file", NULL);
    const char *format = keyval_string(kv, "format", "raw");
    const char *key_id = keyval_string(kv, "keyid", NULL), *iv = keyval_string(kv, "iv", NULL);
    GError *why = NULL;
    char *text = NULL;

    if (!data == !file) {
        error_set(err, "%s: a secret needs either data= or file=", keyval_option(kv));
        return false;
    }
    if (strcmp(format, "raw") != 0 && strcmp(format, "base64") != 0) {
        error_set(err, "%s: format is 'raw' or 'base64', not '%s'", keyval_option(kv), format);
        return false;
    }
    if (file && !g_file_get_contents(file, &text, &s->size, &why)) {
        error_set(err, "%s: cannot read the secret: %s", keyval_option(kv), why->message);
        g_error_free(why);
        return false;
    }
    if (data) {
        text = g_strdup(data);
        s->size = strlen(text);
    }
    s->data = (uint8_t *)text;
    /* What is encrypted comes as base64 when the format says so, else as bytes. */
    if (strcmp(format, "base64") == 0) {
        s->data = decode64(text, &s->size, "secret", err);
        g_free(text);
    }
    return s->data && (!key_id || decrypt(s, key_id, iv, err));
}

static bool create_secret(const char *id, struct keyval *kv, struct error **err)
{
    struct secret *s = g_new0(struct secret, 1);

    s->id = g_strdup(id);
    if (!read_secret(s, kv, err)) {
        g_free(s->data);
        g_free(s->id);
        g_free(s);
        return false;
    }
    s->next = secrets;
    secrets = s;
    return true;
}

/* --- objects --------------------------------------------------------------------------------- */

bool crypto_is_object(const char *type)
{
    return strcmp(type, "secret") == 0 || strcmp(type, "tls-creds-x509") == 0 ||
        strcmp(type, "tls-creds-anon") == 0 || strcmp(type, "tls-creds-psk") == 0;
}

bool crypto_create_object(const char *type, struct keyval *kv, struct error **err)
{
    const char *id = keyval_string(kv, "id", NULL);

    if (!crypto_is_object(type)) {
        error_set(err, "%s: object type '%s' is not known here; there are secret, tls-creds-x509, "
                  "tls-creds-anon and tls-creds-psk", keyval_option(kv), type);
        return false;
    }
    if (!id || !*id) {
        error_set(err, "%s: Parameter 'id' is missing", keyval_option(kv));
        return false;
    }
    keyval_mark(kv, "qom-type");
    if (strcmp(type, "secret") == 0 && find_secret(id)) {
        error_set(err, "%s: duplicate ID '%s'", keyval_option(kv), id);
        return false;
    }
    return (strcmp(type, "secret") == 0 ? create_secret(id, kv, err)
            : tls_creds_create(type, id, kv, err)) && keyval_check(kv, err);
}

bool crypto_add_object(const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("--object", text, "qom-type", err);
    bool good = kv && crypto_create_object(keyval_string(kv, "qom-type", ""), kv, err);

    keyval_free(kv);
    return good;
}
