/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encrypted bytes of a node, through buffers of our own. */
#include "block/crypt.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "crypto/object.h"

#define BUFFER (1u << 20)

void crypt_init(struct crypt *c, struct cipher *cipher)
{
    c->cipher = cipher;
    pthread_mutex_init(&c->edge_lock, NULL);
}

void crypt_free(struct crypt *c)
{
    cipher_free(c->cipher);
    pthread_mutex_destroy(&c->edge_lock);
}

/* --- data ------------------------------------------------------------------------------------ */

/* Whole sectors around [place, place + size), decrypted. */
static int read_around(struct crypt *c, struct block_node *file, uint64_t place, uint64_t tweak,
                       uint64_t size, uint8_t *data)
{
    uint64_t skip = place % CIPHER_SECTOR, n = align_up(skip + size, CIPHER_SECTOR);
    int rc = block_node_pread(file, place - skip, data, n);

    if (!rc) {
        cipher_decrypt(c->cipher, tweak / CIPHER_SECTOR, data, n);
    }
    return rc;
}

int crypt_read(struct crypt *c, struct block_node *file, uint64_t place, uint64_t tweak,
               const struct iovec *iov, unsigned count)
{
    uint64_t size = iov_size(iov, count), done = 0;
    uint8_t *data = g_malloc(MIN_OF(size, BUFFER) + 2 * CIPHER_SECTOR);
    struct iovec *part = g_new(struct iovec, count);
    int rc = c->cipher ? 0 : -EACCES;

    while (done < size && !rc) {
        uint64_t at = place + done, n = MIN_OF(BUFFER - at % CIPHER_SECTOR, size - done);

        rc = read_around(c, file, at, tweak + done, n, data);
        if (!rc) {
            iov_fill(part, iov_slice(iov, count, done, n, part), data + at % CIPHER_SECTOR);
        }
        done += n;
    }
    g_free(part);
    g_free(data);
    return rc;
}

/* Parts of sectors at the ends keep the rest of them. */
static int write_around(struct crypt *c, struct block_node *file, uint64_t place, uint64_t tweak,
                        const struct iovec *iov, unsigned count, uint64_t size, uint8_t *data)
{
    uint64_t skip = place % CIPHER_SECTOR, n = align_up(skip + size, CIPHER_SECTOR);
    bool edges = skip || n != size;
    int rc = 0;

    if (edges) {
        pthread_mutex_lock(&c->edge_lock);
        rc = read_around(c, file, place, tweak, size, data);
    }
    if (!rc) {
        iov_gather(iov, count, data + skip);
        cipher_encrypt(c->cipher, tweak / CIPHER_SECTOR, data, n);
        rc = block_node_pwrite(file, place - skip, data, n);
    }
    if (edges) {
        pthread_mutex_unlock(&c->edge_lock);
    }
    return rc;
}

int crypt_write(struct crypt *c, struct block_node *file, uint64_t place, uint64_t tweak,
                const struct iovec *iov, unsigned count)
{
    uint64_t size = iov_size(iov, count), done = 0;
    uint8_t *data = g_malloc(MIN_OF(size, BUFFER) + 2 * CIPHER_SECTOR);
    struct iovec *part = g_new(struct iovec, count);
    int rc = c->cipher ? 0 : -EACCES;

    while (done < size && !rc) {
        uint64_t at = place + done, n = MIN_OF(BUFFER - at % CIPHER_SECTOR, size - done);

        rc = write_around(c, file, at, tweak + done, part, iov_slice(iov, count, done, n, part),
                          n, data);
        done += n;
    }
    g_free(part);
    g_free(data);
    return rc;
}

/* --- headers --------------------------------------------------------------------------------- */

static bool is_inside(const struct crypt_place *p, uint64_t offset, size_t size)
{
    return !p->size || (size <= p->size && offset <= p->size - size);
}

static int read_place(void *opaque, uint64_t offset, void *data, size_t size)
{
    struct crypt_place *p = opaque;

    return is_inside(p, offset, size) ? block_node_pread(p->file, p->offset + offset, data, size)
        : -EINVAL;
}

static int write_place(void *opaque, uint64_t offset, const void *data, size_t size)
{
    struct crypt_place *p = opaque;

    return is_inside(p, offset, size) ? block_node_pwrite(p->file, p->offset + offset, data, size)
        : -EINVAL;
}

void crypt_place_init(struct crypt_place *p, struct block_node *file, uint64_t offset,
                      uint64_t size)
{
    *p = (struct crypt_place){ { read_place, write_place, p }, file, offset, size };
}

static void describe_slots(const struct luks *l, struct value *to)
{
    struct value *list = value_list();

    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        const struct luks_slot *s = &l->slots[i];
        struct value *v = value_object();

        value_add_bool(v, "active", s->active);
        if (s->active) {
            value_add_uint(v, "iters", s->iterations);
        }
        value_add_uint(v, "key-offset", (uint64_t)s->offset * CIPHER_SECTOR);
        if (s->active) {
            value_add_uint(v, "stripes", s->stripes);
        }
        value_add(list, NULL, v);
    }
    value_add(to, "slots", list);
}

void crypt_describe(const struct luks *l, struct value *to)
{
    char **mode = g_strsplit_set(l->mode, "-:", 3), *alg;
    unsigned parts = g_strv_length(mode), bits = l->key_size * 8;

    bits = parts && strcmp(mode[0], "xts") == 0 ? bits / 2 : bits;
    alg = g_strdup_printf("%s-%u", l->cipher, bits);
    value_add_text(to, "ivgen-alg", parts > 1 ? mode[1] : "plain");
    value_add_text(to, "hash-alg", l->hash);
    value_add_text(to, "cipher-alg", alg);
    value_add_text(to, "uuid", l->uuid);
    if (parts > 2) {
        value_add_text(to, "ivgen-hash-alg", mode[2]);
    }
    value_add_text(to, "cipher-mode", parts ? mode[0] : l->mode);
    describe_slots(l, to);
    value_add_uint(to, "payload-offset", luks_size(l));
    value_add_uint(to, "master-key-iters", l->iterations);
    g_free(alg);
    g_strfreev(mode);
}

/* --- changing passwords --------------------------------------------------------------------- */

static bool add_slot(struct luks *l, struct crypt_place *p, const char *secret,
                     struct keyval *options, int slot, struct error **err)
{
    const char *fresh = keyval_string(options, "new-secret", NULL);
    const char *old = keyval_string(options, "old-secret", NULL);
    size_t size = 0, old_size = 0;
    uint8_t *password, *old_password = NULL;
    bool good;

    if (!fresh || old) {
        error_set(err, fresh ? "'old-secret' must not be given when activating keyslots"
                  : "'new-secret' is required to activate a keyslot");
        return false;
    }
    password = secret_bytes(fresh, &size, err);
    old_password = password ? secret_bytes(secret, &old_size, err) : NULL;
    good = old_password && luks_add_password(l, &p->luks, slot, options, old_password, old_size,
                                             password, size, err);
    g_free(password);
    g_free(old_password);
    return good;
}

static bool erase_slots(struct luks *l, struct crypt_place *p, struct keyval *options, int slot,
                        bool force, struct error **err)
{
    const char *old = keyval_string(options, "old-secret", NULL);
    unsigned active = 0, chosen = 0, mask = 0;
    size_t size = 0;
    uint8_t *password = old ? secret_bytes(old, &size, err) : NULL;

    if (old && !password) {
        return false;
    }
    for (int i = 0; i < LUKS_SLOTS; i++) {
        bool wanted = l->slots[i].active && (password
            ? luks_slot_opens(l, &p->luks, i, password, size) : slot == i);

        active += l->slots[i].active;
        chosen += wanted;
        mask |= wanted ? 1u << i : 0;
    }
    g_free(password);
    if (!old && slot < 0) {
        error_set(err, "To erase keyslot(s), either explicit keyslot index or the password "
                  "currently contained in them must be given");
        return false;
    }
    if (!chosen) {
        error_set(err, "No keyslots match given (old) password for erase operation");
        return false;
    }
    if (chosen == active && !force) {
        error_set(err, "Attempt to erase all the active keyslots: the data would be lost for good "
                  "(--force does it)");
        return false;
    }
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        if (mask & 1u << i && !luks_erase_slot(l, &p->luks, i, err)) {
            return false;
        }
    }
    return true;
}

bool crypt_amend(struct luks *l, struct crypt_place *p, const char *secret,
                 struct keyval *options, bool force, struct error **err)
{
    const char *state = keyval_string(options, "state", "");
    uint64_t slot = UINT64_MAX;

    if (!keyval_uint(options, "keyslot", &slot, err)) {
        return false;
    }
    if (slot != UINT64_MAX && slot >= LUKS_SLOTS) {
        error_set(err, "Invalid keyslot %llu. Must be between 0 and 7", (unsigned long long)slot);
        return false;
    }
    if (strcmp(state, "active") == 0) {
        return add_slot(l, p, secret, options, slot == UINT64_MAX ? -1 : (int)slot, err);
    }
    if (strcmp(state, "inactive") == 0) {
        return erase_slots(l, p, options, slot == UINT64_MAX ? -1 : (int)slot, force, err);
    }
    error_set(err, "state is 'active' or 'inactive'");
    return false;
}
