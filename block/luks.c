/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The luks format: a LUKS 1 header, and a disk encrypted behind it. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "block/crypt.h"
#include "crypto/object.h"

struct luks_node {
    struct block_node node;
    struct luks luks;
    struct crypt crypt;
    uint64_t payload;                   /* bytes in front of the disk */
    char *secret;
};

static struct luks_node *luks_of(struct block_node *node)
{
    return (struct luks_node *)node;
}

static int probe(const uint8_t *head, size_t size)
{
    return size >= LUKS_HEADER_SIZE && memcmp(head, "LUKS\xba\xbe\0\1", 8) == 0 ? 100 : 0;
}

static bool open_luks(struct block_node *node, struct keyval *options, struct error **err)
{
    struct luks_node *l = luks_of(node);
    const char *secret = keyval_string(options, "key-secret", NULL);
    struct crypt_place place;
    struct cipher *cipher = NULL;
    uint8_t *password;
    size_t size;

    crypt_place_init(&place, node->child, 0, 0);
    if (!luks_load(&l->luks, &place.luks, err)) {
        return false;
    }
    if (!secret && !(node->flags & NODE_NO_IO)) {
        error_set(err, "Could not open '%s': Parameter 'key-secret' is required for cipher",
                  node->file);
        return false;
    }
    if (secret) {
        password = secret_bytes(secret, &size, err);
        cipher = password ? luks_unlock(&l->luks, &place.luks, password, size, err) : NULL;
        g_free(password);
        if (!cipher) {
            return false;
        }
    }
    l->secret = g_strdup(secret);
    l->payload = luks_size(&l->luks);
    crypt_init(&l->crypt, cipher);
    return true;
}

static void close_luks(struct block_node *node)
{
    crypt_free(&luks_of(node)->crypt);
    g_free(luks_of(node)->secret);
}

static int luks_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                      unsigned count)
{
    struct luks_node *l = luks_of(node);

    return crypt_read(&l->crypt, node->child, l->payload + offset, offset, iov, count);
}

static int luks_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                       unsigned count)
{
    struct luks_node *l = luks_of(node);

    return crypt_write(&l->crypt, node->child, l->payload + offset, offset, iov, count);
}

static int luks_flush(struct block_node *node)
{
    return block_node_flush(node->child);
}

/* The last part of a sector cannot be read. */
static int64_t luks_length(struct block_node *node)
{
    int64_t length = block_node_length(node->child);

    length = length < 0 ? length : MAX_OF(length - (int64_t)luks_of(node)->payload, 0);
    return length < 0 ? length : (int64_t)align_down(length, CIPHER_SECTOR);
}

static bool luks_resize(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                        struct error **err)
{
    return block_node_resize(node->child, luks_of(node)->payload + align_up(size, CIPHER_SECTOR),
                             prealloc, err);
}

static void describe(struct block_node *node, struct image_info *info)
{
    *info = (struct image_info){ .encrypted = true, .starts_as_noise = true,
                                 .specific = value_object() };
    crypt_describe(&luks_of(node)->luks, info->specific);
}

/* --- making ---------------------------------------------------------------------------------- */

static bool write_new(struct block_node *file, uint64_t size, struct keyval *options,
                      enum block_prealloc prealloc, struct error **err)
{
    const char *secret = keyval_string(options, "key-secret", NULL);
    uint8_t main_key[CIPHER_MAX_KEY], *password;
    struct crypt_place place;
    size_t password_size;
    struct luks l;
    bool good;

    if (!secret) {
        error_set(err, "Parameter 'key-secret' is required for cipher");
        return false;
    }
    password = secret_bytes(secret, &password_size, err);
    if (!password) {
        return false;
    }
    crypt_place_init(&place, file, 0, 0);
    good = luks_design(&l, main_key, options, err) &&
        block_node_resize(file, luks_size(&l) + align_up(size, CIPHER_SECTOR), prealloc, err) &&
        luks_store(&l, main_key, &place.luks, options, password, password_size, err);
    wipe(main_key, sizeof(main_key));
    g_free(password);
    return good;
}

static bool create_luks(const char *file, uint64_t size, struct keyval *options,
                        struct error **err)
{
    enum block_prealloc prealloc = BLOCK_PREALLOC_OFF;
    struct block_node *child;
    bool good;

    if (!image_read_prealloc(options, &prealloc, err)) {
        return false;
    }
    if (prealloc == BLOCK_PREALLOC_METADATA) {
        prealloc = BLOCK_PREALLOC_OFF;  /* the header is all there is */
    }
    child = image_create_file(file, err);
    good = child && write_new(child, size, options, prealloc, err);
    block_node_close(child);
    return good;
}

static bool measure_luks(struct keyval *options, uint64_t size, uint64_t allocated,
                         struct image_measure *result, struct error **err)
{
    uint8_t main_key[CIPHER_MAX_KEY];
    struct luks l;

    keyval_mark(options, "key-secret");
    if (!luks_design(&l, main_key, options, err)) {
        return false;
    }
    *result = (struct image_measure){ .required = luks_size(&l) + size,
                                      .fully_allocated = luks_size(&l) + size };
    return true;
}

static bool amend_luks(struct block_node *node, struct keyval *options, struct error **err)
{
    struct luks_node *l = luks_of(node);
    struct crypt_place place;

    crypt_place_init(&place, node->child, 0, l->payload);
    return crypt_amend(&l->luks, &place, l->secret, options, node->flags & NODE_FORCE, err);
}

static const struct image_option luks_options[] = {
    { "size", IMAGE_SIZE, "Virtual disk size" },
    { "key-secret", IMAGE_STRING, "ID of the secret that provides the keyslot passphrase" },
    { "cipher-alg", IMAGE_STRING, "Name of encryption cipher algorithm" },
    { "cipher-mode", IMAGE_STRING, "Name of encryption cipher mode" },
    { "ivgen-alg", IMAGE_STRING, "Name of IV generator algorithm" },
    { "ivgen-hash-alg", IMAGE_STRING, "Name of IV generator hash algorithm" },
    { "hash-alg", IMAGE_STRING, "Name of encryption hash algorithm" },
    { "iter-time", IMAGE_NUMBER, "Time to spend in PBKDF in milliseconds" },
    { "preallocation", IMAGE_STRING, "Preallocation mode (allowed values: off, falloc, full)" },
    { NULL }
};

static const struct image_option luks_amendable[] = {
    { "state", IMAGE_STRING, "Select new state of affected keyslots (active/inactive)" },
    { "new-secret", IMAGE_STRING, "New secret to set in the matching keyslots" },
    { "old-secret", IMAGE_STRING, "Select all keyslots that match this password" },
    { "keyslot", IMAGE_NUMBER, "Select a single keyslot to modify explicitly" },
    { "iter-time", IMAGE_NUMBER, "Time to spend in PBKDF in milliseconds" },
    { NULL }
};

static const struct block_image_ops image = {
    .options = luks_options, .amendable = luks_amendable, .create = create_luks,
    .measure = measure_luks, .info = describe, .amend = amend_luks,
};

const struct block_driver block_driver_luks = {
    .name = "luks", .size = sizeof(struct luks_node), .probe = probe, .open = open_luks,
    .close = close_luks, .readv = luks_readv, .writev = luks_writev, .flush = luks_flush,
    .length = luks_length, .resize = luks_resize, .image = &image,
};
