/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server's side of NBD: exports, and the conversation with one client. */
#ifndef NBD_SERVER_H
#define NBD_SERVER_H

#include "block/node.h"
#include "crypto/tls.h"
#include "nbd/wire.h"

struct nbd_export {
    char *name, *description;           /* description NULL: none */
    struct block_node *node;            /* must outlive all conversations */
    uint64_t size;
    bool readonly;
    bool depth;                         /* offer qemu:allocation-depth */
    char **bitmaps;                     /* names offered as qemu:dirty-bitmap:NAME; NULL: none */
};

struct nbd_server {
    const struct nbd_export *exports;
    unsigned export_count;
    struct tls_creds *tls;              /* NULL: plain */
    bool verbose;                       /* say why a client was left */
};

/* A client after its handshake. */
struct nbd_peer {
    const struct nbd_server *server;
    const struct nbd_export *export;
    struct nbd_stream stream;
    bool structured, no_zeroes;
    uint32_t contexts;                  /* those that the client chose, a bit each */
};

/* Contexts of block status: their ids on the wire. */
enum { NBD_CONTEXT_ALLOCATION, NBD_CONTEXT_DEPTH, NBD_CONTEXT_BITMAP };
#define NBD_MAX_BITMAPS 16

/* Talks to the client on this connection until it leaves; closes it. Any number of threads. */
void nbd_serve(const struct nbd_server *server, int fd);

/* --- between the files of nbd/ --- */

/* False: the client left, or is of no use. */
bool nbd_serve_handshake(struct nbd_peer *p);
/* Answers requests until the client leaves. */
void nbd_serve_requests(struct nbd_peer *p);

#endif
