/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encrypted bytes of a node, and what image formats with LUKS inside share. */
#ifndef BLOCK_CRYPT_H
#define BLOCK_CRYPT_H

#include <pthread.h>

#include "block/image.h"
#include "crypto/luks.h"

struct crypt {
    struct cipher *cipher;              /* owned; NULL: no key was given, all access fails */
    pthread_mutex_t edge_lock;          /* writes of parts of sectors */
};

void crypt_init(struct crypt *c, struct cipher *cipher);
void crypt_free(struct crypt *c);
/*
 * Moves bytes at `place` of `file`; `tweak` is the byte offset whose sector number goes into the
 * encryption. Both have the same position within their sector.
 */
int crypt_read(struct crypt *c, struct block_node *file, uint64_t place, uint64_t tweak,
               const struct iovec *iov, unsigned count);
int crypt_write(struct crypt *c, struct block_node *file, uint64_t place, uint64_t tweak,
                const struct iovec *iov, unsigned count);

/* A LUKS header inside a file. */
struct crypt_place {
    struct luks_place luks;             /* give this to luks_*() */
    struct block_node *file;
    uint64_t offset, size;              /* access beyond is refused; size 0: no limit */
};
void crypt_place_init(struct crypt_place *p, struct block_node *file, uint64_t offset,
                      uint64_t size);
/* Facts for `info`. */
void crypt_describe(const struct luks *l, struct value *to);
/* `amend`: state=, new-secret=, old-secret=, keyslot=, iter-time=. `secret` opens the image. */
bool crypt_amend(struct luks *l, struct crypt_place *p, const char *secret,
                 struct keyval *options, bool force, struct error **err);

#endif
