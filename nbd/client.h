/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's side of NBD: finding a server, agreeing on an export, requests. */
#ifndef NBD_CLIENT_H
#define NBD_CLIENT_H

#include "base/error.h"
#include "char/address.h"
#include "crypto/tls.h"
#include "nbd/wire.h"

struct nbd_target {
    struct socket_address address;
    char *export;
    char *context;                      /* of block status; NULL: base:allocation */
    struct tls_creds *tls;              /* NULL: plain */
    char *tls_host;                     /* NULL: the address's */
};

struct nbd_export_info {
    char *name, *description;           /* description NULL: none */
    uint64_t size;
    uint16_t flags;
    uint32_t min_block, best_block, max_block;      /* min_block 0: the server did not say */
    bool structured, has_context;
    uint32_t context_id;
    char **contexts;                    /* NULL ended, of nbd_list(); else NULL */
};

void nbd_target_clear(struct nbd_target *t);
void nbd_info_clear(struct nbd_export_info *info);

/* Connects and shakes hands up to the transmission of requests. */
bool nbd_connect(struct nbd_stream *s, const struct nbd_target *t, struct nbd_export_info *info,
                 struct error **err);
/* The second half of it, over a stream that it closes on failure. */
bool nbd_shake(struct nbd_stream *s, const struct nbd_target *t, struct nbd_export_info *info,
               struct error **err);
/* What the server offers; NULL with the error set. */
struct nbd_export_info *nbd_list(const struct nbd_target *t, size_t *count, struct error **err);

/* One extent of a block status. */
struct nbd_extent {
    uint32_t length, flags;
};

struct nbd_call {
    uint16_t command, flags;
    uint64_t offset;
    uint32_t size;
    const struct iovec *iov;            /* of reads and writes */
    unsigned count;
    struct nbd_extent *extents;         /* of block status: room for extent_count */
    unsigned extent_count;              /* in: room, out: how many came */
    /* The client's own. */
    uint64_t handle, got;
    int result;
    bool done;
    struct nbd_call *next;
};

struct nbd_client;

/* Takes the stream, whose handshake is done. */
struct nbd_client *nbd_client_create(struct nbd_stream stream, const struct nbd_export_info *info);
/* Any number of threads; 0 or -errno, -ENOTCONN when the connection broke. */
int nbd_client_call(struct nbd_client *c, struct nbd_call *call);
bool nbd_client_is_dead(struct nbd_client *c);
/* Says goodbye. No call may be under way. */
void nbd_client_free(struct nbd_client *c);

#endif
