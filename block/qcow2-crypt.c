/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: encrypted data. The old method is AES-CBC with the password as the key and the guest's
 * sector numbers; LUKS has its header in clusters of the image, and numbers the file's sectors.
 * Compressed clusters are never encrypted.
 */
#include <errno.h>
#include <string.h>

#include "block/qcow2.h"
#include "crypto/object.h"

static struct block_node *data_node(struct qcow2 *q)
{
    return q->data_file ? q->data_file : q->node.child;
}

/* --- opening --------------------------------------------------------------------------------- */

struct cipher *qcow_aes_cipher(const char *secret, struct error **err)
{
    uint8_t key[16] = { 0 }, *password;
    struct cipher *cipher;
    size_t size;

    password = secret_bytes(secret, &size, err);
    if (!password) {
        return NULL;
    }
    memcpy(key, password, MIN_OF(size, sizeof(key)));
    cipher = cipher_create("aes", "cbc-plain64", key, sizeof(key), err);
    wipe(key, sizeof(key));
    g_free(password);
    return cipher;
}

static bool unlock_luks(struct qcow2 *q, const char *secret, struct cipher **cipher,
                        struct error **err)
{
    struct crypt_place place;
    uint8_t *password;
    size_t size;

    if (!q->crypt_offset || q->crypt_size < LUKS_HEADER_SIZE) {
        error_set(err, "CRYPTO header for encryption method 2 missing");
        return false;
    }
    crypt_place_init(&place, q->node.child, q->crypt_offset, q->crypt_size);
    if (!luks_load(&q->luks, &place.luks, err)) {
        return false;
    }
    if (!secret) {
        return true;
    }
    password = secret_bytes(secret, &size, err);
    *cipher = password ? luks_unlock(&q->luks, &place.luks, password, size, err) : NULL;
    g_free(password);
    return *cipher;
}

bool qcow2_open_crypt(struct qcow2 *q, struct keyval *options, struct error **err)
{
    static const char *const names[] = { "", "aes", "luks" };
    const char *secret = keyval_string(options, "encrypt.key-secret", NULL);
    const char *format = keyval_string(options, "encrypt.format", NULL);
    struct cipher *cipher = NULL;

    if (!q->crypt_method) {
        return true;
    }
    if (format && strcmp(format, names[q->crypt_method]) != 0) {
        error_set(err, "Header reported '%s' encryption format but options specify '%s'",
                  names[q->crypt_method], format);
        return false;
    }
    if (!secret && !(q->node.flags & NODE_NO_IO)) {
        error_set(err, "Parameter 'encrypt.key-secret' is required for cipher");
        return false;
    }
    if (q->crypt_method == QCOW2_CRYPT_LUKS) {
        if (!unlock_luks(q, secret, &cipher, err)) {
            return false;
        }
    } else if (secret) {
        cipher = qcow_aes_cipher(secret, err);
        if (!cipher) {
            return false;
        }
    }
    q->crypt_secret = g_strdup(secret);
    crypt_init(&q->crypt, cipher);
    q->encrypted = true;
    return true;
}

void qcow2_close_crypt(struct qcow2 *q)
{
    if (q->encrypted) {
        crypt_free(&q->crypt);
    }
    g_free(q->crypt_secret);
}

/* --- data ------------------------------------------------------------------------------------ */

static uint64_t tweak_of(const struct qcow2 *q, uint64_t host, uint64_t offset)
{
    return q->crypt_method == QCOW2_CRYPT_LUKS ? host : offset;
}

int qcow2_data_read(struct qcow2 *q, uint64_t host, uint64_t offset, const struct iovec *iov,
                    unsigned count)
{
    if (!q->encrypted) {
        return block_node_read(data_node(q), host, iov, count);
    }
    return crypt_read(&q->crypt, data_node(q), host, tweak_of(q, host, offset), iov, count);
}

int qcow2_data_write(struct qcow2 *q, uint64_t host, uint64_t offset, const struct iovec *iov,
                     unsigned count)
{
    if (!q->encrypted) {
        return block_node_write(data_node(q), host, iov, count);
    }
    return crypt_write(&q->crypt, data_node(q), host, tweak_of(q, host, offset), iov, count);
}

/* --- making ---------------------------------------------------------------------------------- */

/* The header's clusters are written before the image's header knows of them. */
static bool store_luks(struct qcow2 *q, const uint8_t *main_key, struct keyval *options,
                       const void *password, size_t size, struct error **err)
{
    uint64_t bytes = align_up(luks_size(&q->luks), q->cluster_size), got, offset;
    struct crypt_place place;
    int rc = qcow2_alloc(q, bytes >> q->cluster_bits, bytes >> q->cluster_bits, &offset, &got);

    rc = rc ? rc : block_node_write_zeroes(q->node.child, offset, bytes, false);
    if (rc) {
        error_set_errno(err, -rc, "Could not make room for the encryption header");
        return false;
    }
    q->crypt_offset = offset;
    q->crypt_size = luks_size(&q->luks);
    crypt_place_init(&place, q->node.child, offset, bytes);
    return luks_store(&q->luks, main_key, &place.luks, options, password, size, err);
}

bool qcow2_make_crypt(struct qcow2 *q, struct keyval *options, struct error **err)
{
    const char *secret = keyval_string(options, "key-secret", NULL);
    uint8_t main_key[CIPHER_MAX_KEY], *password;
    struct cipher *cipher = NULL;
    size_t size;
    bool good;

    if (!secret) {
        error_set(err, "Parameter 'encrypt.key-secret' is required for cipher");
        return false;
    }
    password = secret_bytes(secret, &size, err);
    good = password && luks_design(&q->luks, main_key, options, err) &&
        store_luks(q, main_key, options, password, size, err);
    if (good) {
        cipher = cipher_create(q->luks.cipher, q->luks.mode, main_key, q->luks.key_size, err);
        good = cipher;
    }
    if (good) {
        q->crypt_method = QCOW2_CRYPT_LUKS;
        q->encrypted = true;
        crypt_init(&q->crypt, cipher);
    }
    wipe(main_key, sizeof(main_key));
    g_free(password);
    return good;
}

void qcow2_describe_crypt(struct qcow2 *q, struct value *to)
{
    struct value *v;

    if (q->crypt_method) {
        v = value_object();
        if (q->crypt_method == QCOW2_CRYPT_LUKS) {
            crypt_describe(&q->luks, v);
        }
        value_add_text(v, "format", q->crypt_method == QCOW2_CRYPT_LUKS ? "luks" : "aes");
        value_add(to, "encrypt", v);
    }
}

bool qcow2_amend_crypt(struct qcow2 *q, struct keyval *options, struct error **err)
{
    struct crypt_place place;

    if (q->crypt_method != QCOW2_CRYPT_LUKS || !q->crypt_secret) {
        error_set(err, "Only LUKS images have encryption options that can be amended");
        return false;
    }
    crypt_place_init(&place, q->node.child, q->crypt_offset, q->crypt_size);
    return crypt_amend(&q->luks, &place, q->crypt_secret, options, q->node.flags & NODE_FORCE,
                       err);
}
