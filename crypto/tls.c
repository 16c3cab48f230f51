/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS by gnutls, which is loaded when the first credentials are made: its start takes longer than
 * that of all our tools together. Credentials are kept in a list until the program ends.
 */
#include "crypto/tls.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"

#ifdef CONFIG_GNUTLS
#include <dlfcn.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define LIBRARY "libgnutls.so.30"

/* What is used of the library. */
#define CALLS(X) \
    X(anon_allocate_client_credentials) X(anon_allocate_server_credentials) \
    X(anon_set_server_known_dh_params) X(bye) X(certificate_allocate_credentials) \
    X(certificate_get_peers) \
    X(certificate_server_set_request) X(certificate_set_known_dh_params) \
    X(certificate_set_x509_crl_file) X(certificate_set_x509_key_file) \
    X(certificate_set_x509_trust_file) X(certificate_verification_status_print) \
    X(credentials_set) X(deinit) X(error_is_fatal) X(free) X(handshake) X(handshake_set_timeout) \
    X(init) X(priority_set_direct) X(psk_allocate_client_credentials) \
    X(psk_allocate_server_credentials) X(psk_set_client_credentials) \
    X(psk_set_server_credentials_file) X(psk_set_server_known_dh_params) X(record_check_pending) \
    X(record_get_direction) X(record_recv) X(record_send) X(server_name_set) \
    X(session_get_verify_cert_status) X(session_set_verify_cert) X(strerror) X(transport_set_int2) \
    X(x509_crt_deinit) X(x509_crt_get_dn3) X(x509_crt_import) X(x509_crt_init)

static struct {
#define POINTER(name) __typeof__(gnutls_##name) *name;
    CALLS(POINTER)
} tls;

static bool load_library(struct error **err)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    bool good = library;

#define FIND(name) good = good && (tls.name = dlsym(library, "gnutls_" #name));
    CALLS(FIND)
    if (!good) {
        error_set(err, "TLS needs %s (Debian: apt-get install libgnutls30): %s", LIBRARY,
                  dlerror());
    }
    return good;
}

enum kind { CREDS_X509, CREDS_ANON, CREDS_PSK };

struct tls_creds {
    char *id, *priority;
    enum kind kind;
    bool server, verify_peer;
    gnutls_certificate_credentials_t x509;
    gnutls_anon_client_credentials_t anon_client;
    gnutls_anon_server_credentials_t anon_server;
    gnutls_psk_client_credentials_t psk_client;
    gnutls_psk_server_credentials_t psk_server;
    struct tls_creds *next;
};

struct tls_session {
    gnutls_session_t session;
};

static struct tls_creds *all;

static const char *const kinds[] = { "tls-creds-x509", "tls-creds-anon", "tls-creds-psk" };

/* --- credentials ----------------------------------------------------------------------------- */

static bool check(struct error **err, int rc, const char *what)
{
    if (rc < 0) {
        error_set(err, "%s: %s", what, tls.strerror(rc));
    }
    return rc >= 0;
}

/* NULL: the file is not there, which is an error if it is needed. */
static char *find_file(const char *folder, const char *name, bool needed, struct error **err)
{
    char *path = g_build_filename(folder, name, NULL);

    if (access(path, R_OK) == 0) {
        return path;
    }
    if (needed) {
        error_set_errno(err, errno, "Unable to access credentials '%s'", path);
    }
    g_free(path);
    return NULL;
}

static bool load_pair(struct tls_creds *c, const char *folder, struct error **err)
{
    const char *side = c->server ? "server" : "client";
    char *cert_name = g_strdup_printf("%s-cert.pem", side);
    char *key_name = g_strdup_printf("%s-key.pem", side);
    char *cert = find_file(folder, cert_name, c->server, err), *key = NULL;
    bool good = !c->server || cert;

    if (cert) {
        key = find_file(folder, key_name, true, err);
        good = key && check(err, tls.certificate_set_x509_key_file(c->x509, cert, key,
                                                                      GNUTLS_X509_FMT_PEM), cert);
    }
    g_free(cert_name);
    g_free(key_name);
    g_free(cert);
    g_free(key);
    return good;
}

static bool load_x509(struct tls_creds *c, const char *folder, struct error **err)
{
    char *ca = find_file(folder, "ca-cert.pem", !c->server || c->verify_peer, err);
    char *crl = find_file(folder, "ca-crl.pem", false, NULL);
    bool good = ca || (c->server && !c->verify_peer);

    tls.certificate_allocate_credentials(&c->x509);
    good = good && (!ca || check(err, tls.certificate_set_x509_trust_file(
                                     c->x509, ca, GNUTLS_X509_FMT_PEM), ca));
    good = good && (!crl || check(err, tls.certificate_set_x509_crl_file(
                                      c->x509, crl, GNUTLS_X509_FMT_PEM), crl));
    good = good && load_pair(c, folder, err);
    if (good && c->server) {
        tls.certificate_set_known_dh_params(c->x509, GNUTLS_SEC_PARAM_MEDIUM);
    }
    g_free(ca);
    g_free(crl);
    return good;
}

/* The line "user:hexadecimal key" of a keys.psk. */
static char *find_psk(const char *path, const char *user, struct error **err)
{
    char *text = NULL, *key = NULL;
    GError *why = NULL;

    if (!g_file_get_contents(path, &text, NULL, &why)) {
        error_set(err, "%s", why->message);
        g_error_free(why);
        return NULL;
    }
    char **lines = g_strsplit(text, "\n", -1);
    size_t length = strlen(user);

    for (char **l = lines; *l && !key; l++) {
        if (strncmp(*l, user, length) == 0 && (*l)[length] == ':') {
            key = g_strstrip(g_strdup(*l + length + 1));
        }
    }
    if (!key) {
        error_set(err, "no key for user '%s' in '%s'", user, path);
    }
    g_strfreev(lines);
    g_free(text);
    return key;
}

static bool load_psk(struct tls_creds *c, const char *folder, const char *user,
                     struct error **err)
{
    char *path = find_file(folder, "keys.psk", true, err), *key = NULL;
    bool good = path;

    if (good && c->server) {
        tls.psk_allocate_server_credentials(&c->psk_server);
        tls.psk_set_server_known_dh_params(c->psk_server, GNUTLS_SEC_PARAM_MEDIUM);
        good = check(err, tls.psk_set_server_credentials_file(c->psk_server, path), path);
    } else if (good) {
        gnutls_datum_t datum;

        key = find_psk(path, user, err);
        datum = (gnutls_datum_t){ (unsigned char *)key, key ? strlen(key) : 0 };
        tls.psk_allocate_client_credentials(&c->psk_client);
        good = key && check(err, tls.psk_set_client_credentials(c->psk_client, user, &datum,
                                                                   GNUTLS_PSK_KEY_HEX), path);
    }
    g_free(path);
    g_free(key);
    return good;
}

static bool load(struct tls_creds *c, struct keyval *kv, struct error **err)
{
    const char *folder = keyval_string(kv, "dir", NULL);

    if (!folder && c->kind != CREDS_ANON) {
        error_set(err, "%s: %s needs dir=FOLDER with its keys", keyval_option(kv), kinds[c->kind]);
        return false;
    }
    switch (c->kind) {
    case CREDS_X509:
        return load_x509(c, folder, err);
    case CREDS_PSK:
        return load_psk(c, folder, keyval_string(kv, "username", "qemu"), err);
    case CREDS_ANON:
        if (c->server) {
            tls.anon_allocate_server_credentials(&c->anon_server);
            tls.anon_set_server_known_dh_params(c->anon_server, GNUTLS_SEC_PARAM_MEDIUM);
        } else {
            tls.anon_allocate_client_credentials(&c->anon_client);
        }
    }
    return true;
}

bool tls_creds_create(const char *type, const char *id, struct keyval *kv, struct error **err)
{
    const char *endpoint = keyval_string(kv, "endpoint", "client");
    struct tls_creds *c;

    if (!tls.init && !load_library(err)) {
        return false;
    }
    c = g_new0(struct tls_creds, 1);
    while (strcmp(kinds[c->kind], type) != 0) {
        c->kind++;
    }
    c->id = g_strdup(id);
    c->priority = g_strdup(keyval_string(kv, "priority", "NORMAL"));
    c->server = strcmp(endpoint, "server") == 0;
    c->verify_peer = true;
    c->next = all;
    all = c;
    if (!c->server && strcmp(endpoint, "client") != 0) {
        error_set(err, "%s: endpoint is 'client' or 'server', not '%s'", keyval_option(kv),
                  endpoint);
        return false;
    }
    return keyval_bool(kv, "verify-peer", &c->verify_peer, err) && load(c, kv, err);
}

struct tls_creds *tls_creds_find(const char *id, bool server, struct error **err)
{
    struct tls_creds *c = all;

    while (c && strcmp(c->id, id) != 0) {
        c = c->next;
    }
    if (!c) {
        error_set(err, "No TLS credentials with id '%s'", id);
    } else if (c->server != server) {
        error_set(err, "Expecting TLS credentials with endpoint=%s in '%s'",
                  server ? "server" : "client", id);
        c = NULL;
    }
    return c;
}

/* --- sessions -------------------------------------------------------------------------------- */

static int use_creds(struct tls_session *t, struct tls_creds *c)
{
    switch (c->kind) {
    case CREDS_X509:
        tls.certificate_server_set_request(t->session, c->verify_peer ? GNUTLS_CERT_REQUIRE
                                              : GNUTLS_CERT_IGNORE);
        return tls.credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, c->x509);
    case CREDS_PSK:
        return tls.credentials_set(t->session, GNUTLS_CRD_PSK,
                                      c->server ? (void *)c->psk_server : c->psk_client);
    default:
        return tls.credentials_set(t->session, GNUTLS_CRD_ANON,
                                      c->server ? (void *)c->anon_server : c->anon_client);
    }
}

static int set_priority(struct tls_session *t, struct tls_creds *c)
{
    static const char *const additions[] = { "", ":-VERS-TLS1.3:+ANON-DH:+ANON-ECDH",
                                             ":+ECDHE-PSK:+DHE-PSK:+PSK" };
    char *text = g_strconcat(c->priority, additions[c->kind], NULL);
    int rc = tls.priority_set_direct(t->session, text, NULL);

    g_free(text);
    return rc;
}

struct tls_session *tls_start(struct tls_creds *c, int fd, const char *host, struct error **err)
{
    struct tls_session *t = g_new0(struct tls_session, 1);
    int rc = tls.init(&t->session, GNUTLS_NO_SIGNAL | (c->server ? GNUTLS_SERVER
                                                        : GNUTLS_CLIENT));

    rc = rc < 0 ? rc : set_priority(t, c);
    rc = rc < 0 ? rc : use_creds(t, c);
    if (rc >= 0 && c->kind == CREDS_X509 && c->verify_peer) {
        tls.session_set_verify_cert(t->session, c->server ? NULL : host, 0);
    }
    if (rc >= 0 && !c->server && host && *host && host[strspn(host, "0123456789.:")]) {
        tls.server_name_set(t->session, GNUTLS_NAME_DNS, host, strlen(host));
    }
    tls.transport_set_int2(t->session, fd, fd);
    tls.handshake_set_timeout(t->session, 30000);
    while (rc >= 0 && (rc = tls.handshake(t->session)) < 0 && !tls.error_is_fatal(rc)) {
        rc = 0;
    }
    if (rc == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR) {
        gnutls_datum_t text = { NULL, 0 };

        tls.certificate_verification_status_print(
            tls.session_get_verify_cert_status(t->session), GNUTLS_CRT_X509, &text, 0);
        error_set(err, "The certificate of the other side is refused: %s",
                  g_strchomp((char *)text.data));
        (*tls.free)(text.data);
    } else if (rc < 0) {
        error_set(err, "TLS handshake failed: %s", tls.strerror(rc));
    }
    if (rc < 0) {
        tls.deinit(t->session);
        g_free(t);
        return NULL;
    }
    return t;
}

/* --- sessions of main loops ------------------------------------------------------------------ */

struct tls_session *tls_accept(struct tls_creds *c, int fd)
{
    struct tls_session *t = g_new0(struct tls_session, 1);
    int rc = tls.init(&t->session, GNUTLS_NO_SIGNAL | GNUTLS_NONBLOCK | GNUTLS_SERVER);

    rc = rc < 0 ? rc : set_priority(t, c);
    rc = rc < 0 ? rc : use_creds(t, c);
    if (rc < 0) {
        if (t->session) {
            tls.deinit(t->session);
        }
        g_free(t);
        return NULL;
    }
    if (c->kind == CREDS_X509 && c->verify_peer) {
        tls.session_set_verify_cert(t->session, NULL, 0);
    }
    tls.transport_set_int2(t->session, fd, fd);
    return t;
}

int tls_handshake(struct tls_session *t, bool *want_write)
{
    int rc = tls.handshake(t->session);

    *want_write = tls.record_get_direction(t->session);
    return rc >= 0 ? 1 : tls.error_is_fatal(rc) ? -1 : 0;
}

static ssize_t moved(ssize_t n)
{
    return n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED ? 0 : n < 0 ? -1 : n;
}

ssize_t tls_receive(struct tls_session *t, void *data, size_t size)
{
    ssize_t n = tls.record_recv(t->session, data, size);

    return n ? moved(n) : -1;
}

ssize_t tls_send(struct tls_session *t, const void *data, size_t size)
{
    return moved(tls.record_send(t->session, data, size));
}

bool tls_has_pending(struct tls_session *t)
{
    return tls.record_check_pending(t->session) > 0;
}

char *tls_peer_name(struct tls_session *t)
{
    unsigned count = 0;
    const gnutls_datum_t *list = tls.certificate_get_peers(t->session, &count);
    gnutls_x509_crt_t cert;
    gnutls_datum_t name;
    char *text = NULL;

    if (!list || !count || tls.x509_crt_init(&cert) < 0) {
        return NULL;
    }
    if (tls.x509_crt_import(cert, list, GNUTLS_X509_FMT_DER) >= 0 &&
        tls.x509_crt_get_dn3(cert, &name, 0) >= 0) {
        text = g_strndup((char *)name.data, name.size);
        (*tls.free)(name.data);
    }
    tls.x509_crt_deinit(cert);
    return text;
}

bool tls_creds_are_x509(const struct tls_creds *c)
{
    return c->kind == CREDS_X509;
}

/* --- sessions that block --------------------------------------------------------------------- */

ssize_t tls_read(struct tls_session *t, void *data, size_t size)
{
    ssize_t n;

    do {
        n = tls.record_recv(t->session, data, size);
    } while (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN);
    return n;
}

bool tls_write(struct tls_session *t, const void *data, size_t size)
{
    const uint8_t *at = data;

    while (size) {
        ssize_t n = tls.record_send(t->session, at, size);

        if (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        at += n;
        size -= n;
    }
    return true;
}

void tls_free(struct tls_session *t)
{
    if (t) {
        tls.bye(t->session, GNUTLS_SHUT_WR);
        tls.deinit(t->session);
        g_free(t);
    }
}
#else
/* Without gnutls no credentials can be made, so that the rest is never called. */
bool tls_creds_create(const char *type, const char *id, struct keyval *kv, struct error **err)
{
    error_set(err, "%s: %s is not available: this program was built without gnutls",
              keyval_option(kv), type);
    return false;
}

struct tls_creds *tls_creds_find(const char *id, bool server, struct error **err)
{
    error_set(err, "No TLS credentials with id '%s'", id);
    return NULL;
}

struct tls_session *tls_start(struct tls_creds *creds, int fd, const char *host,
                              struct error **err)
{
    error_set(err, "this program was built without gnutls");
    return NULL;
}

ssize_t tls_read(struct tls_session *t, void *data, size_t size)
{
    return -ENOTSUP;
}

bool tls_write(struct tls_session *t, const void *data, size_t size)
{
    return false;
}

void tls_free(struct tls_session *t)
{
}

struct tls_session *tls_accept(struct tls_creds *creds, int fd)
{
    return NULL;
}

int tls_handshake(struct tls_session *t, bool *want_write)
{
    return -1;
}

ssize_t tls_receive(struct tls_session *t, void *data, size_t size)
{
    return -1;
}

ssize_t tls_send(struct tls_session *t, const void *data, size_t size)
{
    return -1;
}

bool tls_has_pending(struct tls_session *t)
{
    return false;
}

char *tls_peer_name(struct tls_session *t)
{
    return NULL;
}

bool tls_creds_are_x509(const struct tls_creds *creds)
{
    return false;
}
#endif
