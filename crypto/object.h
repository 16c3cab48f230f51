/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object secret and -object tls-creds-*: what images and connections find by id. */
#ifndef CRYPTO_OBJECT_H
#define CRYPTO_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/keyval.h"

/* "secret,id=...": false and an error for kinds that are not known here. */
bool crypto_add_object(const char *text, struct error **err);
/* The same with the keys apart: `type` is the value of qom-type, which kv need not have. */
bool crypto_create_object(const char *type, struct keyval *kv, struct error **err);
/* Whether `type` is one of ours. */
bool crypto_is_object(const char *type);

/* The bytes of a secret, to be freed; NULL with the error set. A zero byte follows them. */
uint8_t *secret_bytes(const char *id, size_t *size, struct error **err);

#endif
