/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object tls-creds-x509, tls-creds-anon and secret: what a server's options refer to by id. */
#include <string.h>

#include "base/keyval.h"
#include "ui/vnc/internal.h"

struct object {
    char *id;
    struct vnc_credentials *credentials;
    char *secret;
    struct object *next;
};

static struct object *objects;

bool vnc_is_object_type(const char *type)
{
    return strcmp(type, "tls-creds-x509") == 0 || strcmp(type, "tls-creds-anon") == 0 ||
        strcmp(type, "secret") == 0;
}

static struct object *find(const char *id)
{
    struct object *o = objects;

    while (o && strcmp(o->id, id) != 0) {
        o = o->next;
    }
    return o;
}

struct vnc_credentials *vnc_credentials_find(const char *id, struct error **err)
{
    struct object *o = find(id);

    if (!o || !o->credentials) {
        error_set(err, o ? "object '%s' is not TLS credentials" : "no TLS credentials with id '%s'",
                  id);
        return NULL;
    }
    return o->credentials;
}

char *vnc_secret_find(const char *id, struct error **err)
{
    struct object *o = find(id);

    if (!o || !o->secret) {
        error_set(err, "no secret with id '%s'", id);
        return NULL;
    }
    return g_strdup(o->secret);
}

static char *read_secret(struct keyval *kv, struct error **err)
{
    const char *data = keyval_string(kv, "data", NULL), *file = keyval_string(kv, "file", NULL);
    const char *format = keyval_string(kv, "format", "raw");
    char *text = g_strdup(data);
    GError *why = NULL;
    gsize size;

    if (!data == !file) {
        error_set(err, "-object secret: needs either data= or file=");
        g_free(text);
        return NULL;
    }
    if (file && !g_file_get_contents(file, &text, NULL, &why)) {
        error_set(err, "-object secret: %s", why->message);
        g_error_free(why);
        return NULL;
    }
    if (strcmp(format, "base64") == 0) {
        uint8_t *bytes = g_base64_decode(text, &size);

        g_free(text);
        text = g_strndup((char *)bytes, size);
        g_free(bytes);
    } else if (strcmp(format, "raw") != 0) {
        error_set(err, "-object secret: format is raw or base64, not '%s'", format);
        g_free(text);
        return NULL;
    }
    return text;
}

static struct vnc_credentials *read_credentials(struct keyval *kv, bool x509, struct error **err)
{
    const char *folder = keyval_string(kv, "dir", NULL);
    const char *endpoint = keyval_string(kv, "endpoint", "server");
    bool verify = x509;

    keyval_string(kv, "priority", NULL);
    if (!keyval_bool(kv, "verify-peer", &verify, err)) {
        return NULL;
    }
    if (strcmp(endpoint, "server") != 0) {
        error_set(err, "-object tls-creds: endpoint=%s is not available; VNC needs server",
                  endpoint);
        return NULL;
    }
    if (x509 && !folder) {
        error_set(err, "-object tls-creds-x509: needs dir=, with server-cert.pem and the like");
        return NULL;
    }
    return x509 ? vnc_credentials_x509(folder, verify, err) : vnc_credentials_anonymous(err);
}

bool vnc_add_object(const char *option, struct error **err)
{
    struct keyval *kv = keyval_parse("-object", option, "qom-type", err);
    struct object *o;
    const char *type, *id;
    bool good = false;

    if (!kv) {
        return false;
    }
    type = keyval_string(kv, "qom-type", "");
    id = keyval_string(kv, "id", NULL);
    o = g_new0(struct object, 1);
    if (!id) {
        error_set(err, "-object: needs an id=");
    } else if (find(id)) {
        error_set(err, "-object: attempt to add duplicate id '%s'", id);
    } else if (strcmp(type, "secret") == 0) {
        o->secret = read_secret(kv, err);
        good = o->secret != NULL;
    } else {
        o->credentials = read_credentials(kv, strcmp(type, "tls-creds-x509") == 0, err);
        good = o->credentials != NULL;
    }
    good = good && keyval_check(kv, err);
    if (good) {
        o->id = g_strdup(id);
        o->next = objects;
        objects = o;
    } else {
        g_free(o->secret);
        g_free(o);
    }
    keyval_free(kv);
    return good;
}
