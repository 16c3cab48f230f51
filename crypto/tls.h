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
/* Says goodbye without waiting; the socket stays open. NULL is allowed. */
void tls_free(struct tls_session *t);

#endif
