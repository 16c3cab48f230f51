/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS over a connected socket, with credentials from -object tls-creds-x509, -anon and -psk. */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/keyval.h"

struct tls_creds;
struct tls_session;

/* Makes the object; `type` as in -object. */
bool tls_creds_create(const char *type, const char *id, struct keyval *kv, struct error **err);
/* The credentials of that name for the right end, or NULL with the error set. */
struct tls_creds *tls_creds_find(const char *id, bool server, struct error **err);

/* Shakes hands; blocks. `host` is what a client expects the certificate to be for. */
struct tls_session *tls_start(struct tls_creds *creds, int fd, const char *host,
                              struct error **err);
/* 0: the end; negative: failed. One thread may read while another writes. */
ssize_t tls_read(struct tls_session *t, void *data, size_t size);
/* All of it. */
bool tls_write(struct tls_session *t, const void *data, size_t size);
/*
 * A server's session on a socket that does not block, for main loops. The handshake gives 1 when it
 * is done, 0 when the socket must be ready first (for output if *want_write), -1 if it failed; the
 * others give the bytes moved, 0 for none now, -1 for the end.
 */
struct tls_session *tls_accept(struct tls_creds *creds, int fd);
int tls_handshake(struct tls_session *t, bool *want_write);
ssize_t tls_receive(struct tls_session *t, void *data, size_t size);
ssize_t tls_send(struct tls_session *t, const void *data, size_t size);
/* Bytes that were read from the socket already. */
bool tls_has_pending(struct tls_session *t);
/* The name in the certificate of the other side, to be freed; NULL when it showed none. */
char *tls_peer_name(struct tls_session *t);
bool tls_creds_are_x509(const struct tls_creds *creds);
/* Says goodbye without waiting; the socket stays open. NULL is allowed. */
void tls_free(struct tls_session *t);

#endif
