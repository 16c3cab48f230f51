/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS for VeNCrypt and secure websockets, by gnutls. */
#include <string.h>

#include "ui/vnc/internal.h"

#ifdef CONFIG_GNUTLS
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

struct vnc_credentials {
    gnutls_anon_server_credentials_t anonymous;
    gnutls_certificate_credentials_t x509;
    bool verify;
};

struct vnc_tls {
    gnutls_session_t session;
    const struct vnc_credentials *credentials;
    char *peer;
};

struct vnc_credentials *vnc_credentials_anonymous(struct error **err)
{
    struct vnc_credentials *c = g_new0(struct vnc_credentials, 1);

    if (gnutls_anon_allocate_server_credentials(&c->anonymous) < 0 ||
        gnutls_anon_set_server_known_dh_params(c->anonymous, GNUTLS_SEC_PARAM_MEDIUM) < 0) {
        error_set(err, "cannot set up anonymous TLS");
        g_free(c);
        return NULL;
    }
    return c;
}

static bool load_x509(struct vnc_credentials *c, const char *folder, struct error **err)
{
    char *ca = g_build_filename(folder, "ca-cert.pem", NULL);
    char *crl = g_build_filename(folder, "ca-crl.pem", NULL);
    char *cert = g_build_filename(folder, "server-cert.pem", NULL);
    char *key = g_build_filename(folder, "server-key.pem", NULL);
    const char *what = cert;
    int rc = 0;

    if (g_file_test(ca, G_FILE_TEST_EXISTS)) {
        what = ca;
        rc = gnutls_certificate_set_x509_trust_file(c->x509, ca, GNUTLS_X509_FMT_PEM);
    } else if (c->verify) {
        what = ca;
        rc = GNUTLS_E_FILE_ERROR;
    }
    if (rc >= 0 && g_file_test(crl, G_FILE_TEST_EXISTS)) {
        what = crl;
        rc = gnutls_certificate_set_x509_crl_file(c->x509, crl, GNUTLS_X509_FMT_PEM);
    }
    if (rc >= 0) {
        what = cert;
        rc = gnutls_certificate_set_x509_key_file(c->x509, cert, key, GNUTLS_X509_FMT_PEM);
    }
    if (rc < 0) {
        error_set(err, "cannot load '%s'%s: %s", what,
                  what == cert ? " and server-key.pem beside it" : "", gnutls_strerror(rc));
    }
    g_free(ca);
    g_free(crl);
    g_free(cert);
    g_free(key);
    return rc >= 0;
}

struct vnc_credentials *vnc_credentials_x509(const char *folder, bool verify, struct error **err)
{
    struct vnc_credentials *c = g_new0(struct vnc_credentials, 1);

    c->verify = verify;
    if (gnutls_certificate_allocate_credentials(&c->x509) < 0 || !load_x509(c, folder, err)) {
        g_free(c);
        return NULL;
    }
    gnutls_certificate_set_known_dh_params(c->x509, GNUTLS_SEC_PARAM_MEDIUM);
    return c;
}

bool vnc_credentials_are_x509(const struct vnc_credentials *credentials)
{
    return credentials->x509 != NULL;
}

struct vnc_tls *vnc_tls_start(const struct vnc_credentials *credentials, int fd)
{
    struct vnc_tls *tls = g_new0(struct vnc_tls, 1);

    tls->credentials = credentials;
    gnutls_init(&tls->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    if (credentials->x509) {
        gnutls_priority_set_direct(tls->session, "NORMAL", NULL);
        gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, credentials->x509);
        if (credentials->verify) {
            gnutls_certificate_server_set_request(tls->session, GNUTLS_CERT_REQUIRE);
        }
    } else {
        /* TLS 1.3 has no anonymous key exchange. */
        gnutls_priority_set_direct(tls->session, "NORMAL:-VERS-TLS1.3:+ANON-ECDH:+ANON-DH", NULL);
        gnutls_credentials_set(tls->session, GNUTLS_CRD_ANON, credentials->anonymous);
    }
    gnutls_transport_set_int(tls->session, fd);
    return tls;
}

void vnc_tls_free(struct vnc_tls *tls)
{
    if (tls) {
        gnutls_deinit(tls->session);
        g_free(tls->peer);
        g_free(tls);
    }
}

/* The certificate of the peer is good, and its name is kept. */
static bool check_peer(struct vnc_tls *tls)
{
    const gnutls_datum_t *list;
    unsigned count, status;
    gnutls_x509_crt_t cert;
    gnutls_datum_t name;

    if (gnutls_certificate_verify_peers2(tls->session, &status) < 0 || status) {
        return false;
    }
    list = gnutls_certificate_get_peers(tls->session, &count);
    if (!list || !count || gnutls_x509_crt_init(&cert) < 0) {
        return false;
    }
    if (gnutls_x509_crt_import(cert, &list[0], GNUTLS_X509_FMT_DER) >= 0 &&
        gnutls_x509_crt_get_dn3(cert, &name, 0) >= 0) {
        tls->peer = g_strndup((const char *)name.data, name.size);
        gnutls_free(name.data);
    }
    gnutls_x509_crt_deinit(cert);
    return tls->peer != NULL;
}

int vnc_tls_handshake(struct vnc_tls *tls, int *want)
{
    int rc = gnutls_handshake(tls->session);

    if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED) {
        *want = gnutls_record_get_direction(tls->session) ? WATCH_WRITE : WATCH_READ;
        return 0;
    }
    if (rc < 0) {
        return gnutls_error_is_fatal(rc) ? -1 : 0;
    }
    return tls->credentials->verify && !check_peer(tls) ? -1 : 1;
}

static ssize_t moved(ssize_t rc)
{
    return rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED ? 0 : rc < 0 ? -1 : rc;
}

ssize_t vnc_tls_read(struct vnc_tls *tls, void *data, size_t size)
{
    ssize_t rc = gnutls_record_recv(tls->session, data, size);

    return rc == 0 ? -1 : moved(rc);
}

ssize_t vnc_tls_write(struct vnc_tls *tls, const void *data, size_t size)
{
    return moved(gnutls_record_send(tls->session, data, size));
}

bool vnc_tls_pending(struct vnc_tls *tls)
{
    return gnutls_record_check_pending(tls->session) > 0;
}

const char *vnc_tls_peer(const struct vnc_tls *tls)
{
    return tls ? tls->peer : NULL;
}

#else

static struct vnc_credentials *without(struct error **err)
{
    error_set(err, "this build has no TLS (Debian: apt-get install libgnutls28-dev, then build "
              "again)");
    return NULL;
}

struct vnc_credentials *vnc_credentials_anonymous(struct error **err)
{
    return without(err);
}

struct vnc_credentials *vnc_credentials_x509(const char *folder, bool verify, struct error **err)
{
    return without(err);
}

bool vnc_credentials_are_x509(const struct vnc_credentials *credentials)
{
    return false;
}

struct vnc_tls *vnc_tls_start(const struct vnc_credentials *credentials, int fd)
{
    return NULL;
}

void vnc_tls_free(struct vnc_tls *tls)
{
}

int vnc_tls_handshake(struct vnc_tls *tls, int *want)
{
    return -1;
}

ssize_t vnc_tls_read(struct vnc_tls *tls, void *data, size_t size)
{
    return -1;
}

ssize_t vnc_tls_write(struct vnc_tls *tls, const void *data, size_t size)
{
    return -1;
}

bool vnc_tls_pending(struct vnc_tls *tls)
{
    return false;
}

const char *vnc_tls_peer(const struct vnc_tls *tls)
{
    return NULL;
}
#endif
