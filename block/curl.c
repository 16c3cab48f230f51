/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The http, https, ftp and ftps protocols: a disk on a web server, read in pieces by libcurl, which
 * is loaded when it is used: it and what it needs take longer to start than our tools.
 */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "block/node.h"
#include "crypto/object.h"

#ifdef CONFIG_CURL
#include <curl/curl.h>
#include <dlfcn.h>

#define CALLS(X) \
    X(global_init) X(easy_init) X(easy_setopt) X(easy_perform) X(easy_getinfo) X(easy_cleanup) \
    X(easy_strerror)
#define DEFAULT_AHEAD (256u << 10)
#define MAX_AHEAD (32u << 20)
#define BLOCKS 16                       /* kept in memory */
#define HANDLES 8                       /* connections that are kept */

static struct {
#define POINTER(name) __typeof__(&curl_##name) name;
    CALLS(POINTER)
} curl;

struct piece {
    uint64_t index, used;
    uint8_t *data;                      /* NULL: nothing is there */
};

struct curl_node {
    struct block_node node;
    char *url, *cookie, *user, *password, *proxy_user, *proxy_password;
    uint64_t ahead, timeout, length, clock;
    bool verify;
    pthread_mutex_t lock;               /* of what follows */
    CURL *idle[HANDLES];
    unsigned idle_count;
    struct piece pieces[BLOCKS];
};

/* What a transfer fills. */
struct transfer {
    uint8_t *data;
    uint64_t room, got;
};

static struct curl_node *curl_of(struct block_node *node)
{
    return (struct curl_node *)node;
}

static bool load_library(struct error **err)
{
    static const char *const names[] = { "libcurl-gnutls.so.4", "libcurl.so.4" };
    void *library = NULL;
    bool good;

    for (size_t i = 0; i < ARRAY_LEN(names) && !library; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    }
    good = library;
#define FIND(name) good = good && (curl.name = dlsym(library, "curl_" #name));
    CALLS(FIND)
    good = good && curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (!good) {
        error_set(err, "disks on web servers need libcurl (Debian: apt-get install "
                  "libcurl3-gnutls)");
        curl.easy_init = NULL;
    }
    return good;
}

/* --- transfers ------------------------------------------------------------------------------- */

static size_t take_data(char *data, size_t size, size_t count, void *opaque)
{
    struct transfer *t = opaque;
    size_t n = size * count;

    if (n > t->room - t->got) {
        return 0;                       /* more than was asked for: it does not know ranges */
    }
    memcpy(t->data + t->got, data, n);
    t->got += n;
    return n;
}

static CURL *make_handle(struct curl_node *c)
{
    CURL *h = curl.easy_init();

    if (h) {
        curl.easy_setopt(h, CURLOPT_URL, c->url);
        curl.easy_setopt(h, CURLOPT_NOSIGNAL, 1l);
        curl.easy_setopt(h, CURLOPT_FOLLOWLOCATION, 1l);
        curl.easy_setopt(h, CURLOPT_MAXREDIRS, 10l);
        curl.easy_setopt(h, CURLOPT_FAILONERROR, 1l);
        curl.easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps");
        curl.easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, "http,https,ftp,ftps");
        curl.easy_setopt(h, CURLOPT_WRITEFUNCTION, take_data);
        curl.easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)c->timeout);
        /* A server that says nothing for this long is gone. */
        curl.easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1l);
        curl.easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)c->timeout);
        curl.easy_setopt(h, CURLOPT_SSL_VERIFYPEER, c->verify ? 1l : 0l);
        curl.easy_setopt(h, CURLOPT_SSL_VERIFYHOST, c->verify ? 2l : 0l);
        curl.easy_setopt(h, CURLOPT_COOKIE, c->cookie);
        curl.easy_setopt(h, CURLOPT_USERNAME, c->user);
        curl.easy_setopt(h, CURLOPT_PASSWORD, c->password);
        curl.easy_setopt(h, CURLOPT_PROXYUSERNAME, c->proxy_user);
        curl.easy_setopt(h, CURLOPT_PROXYPASSWORD, c->proxy_password);
    }
    return h;
}

static CURL *take_handle(struct curl_node *c)
{
    CURL *h = NULL;

    pthread_mutex_lock(&c->lock);
    if (c->idle_count) {
        h = c->idle[--c->idle_count];
    }
    pthread_mutex_unlock(&c->lock);
    return h ? h : make_handle(c);
}

static void give_handle(struct curl_node *c, CURL *h)
{
    pthread_mutex_lock(&c->lock);
    if (c->idle_count < HANDLES) {
        c->idle[c->idle_count++] = h;
        h = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    if (h) {
        curl.easy_cleanup(h);
    }
}

static int fetch(struct curl_node *c, uint64_t offset, uint64_t size, uint8_t *data)
{
    struct transfer t = { data, size, 0 };
    CURL *h = take_handle(c);
    CURLcode rc;
    char range[64];

    if (!h) {
        return -ENOMEM;
    }
    snprintf(range, sizeof(range), "%llu-%llu", (unsigned long long)offset,
             (unsigned long long)(offset + size - 1));
    curl.easy_setopt(h, CURLOPT_RANGE, range);
    curl.easy_setopt(h, CURLOPT_WRITEDATA, &t);
    rc = curl.easy_perform(h);
    give_handle(c, h);
    return rc == CURLE_OK && t.got == size ? 0 : rc == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
}

/* The size, and whether the server hands out parts. */
static bool ask_size(struct curl_node *c, struct error **err)
{
    CURL *h = make_handle(c);
    curl_off_t length = -1;
    long status = 0;
    CURLcode rc;
    uint8_t byte;
    bool is_http = g_str_has_prefix(c->url, "http");

    if (!h) {
        error_set(err, "Could not open '%s': libcurl has no memory", c->url);
        return false;
    }
    curl.easy_setopt(h, CURLOPT_NOBODY, 1l);
    rc = curl.easy_perform(h);
    curl.easy_getinfo(h, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl.easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    if (rc != CURLE_OK) {
        error_set(err, status >= 400 ? "Could not open '%s': %s (status %ld)"
                  : "Could not open '%s': %s", c->url, curl.easy_strerror(rc), status);
    } else if (length < 0) {
        error_set(err, "Could not open '%s': Server didn't report file size", c->url);
    }
    curl.easy_cleanup(h);
    if (rc != CURLE_OK || length < 0) {
        return false;
    }
    c->length = length;
    if (is_http && length > 1 && fetch(c, 0, 1, &byte)) {
        error_set(err, "Could not open '%s': Server does not support 'range' (byte ranges)",
                  c->url);
        return false;
    }
    return true;
}

/* --- opening --------------------------------------------------------------------------------- */

static bool parse_name(const char *name, struct keyval *options, struct error **err)
{
    keyval_set(options, "url", name);
    return true;
}

/* The text of a secret, for KEY-secret=; stays NULL without one. */
static bool read_secret(struct keyval *options, const char *key, char **text, struct error **err)
{
    const char *id = keyval_string(options, key, NULL);
    size_t size;

    *text = id ? (char *)secret_bytes(id, &size, err) : NULL;
    return !id || *text;
}

static bool read_options(struct curl_node *c, struct keyval *options, struct error **err)
{
    const char *url = keyval_string(options, "url", NULL);
    const char *cookie = keyval_string(options, "cookie", NULL);

    c->ahead = DEFAULT_AHEAD;
    c->timeout = 5;
    c->verify = true;
    if (!keyval_size(options, "readahead", &c->ahead, err) ||
        !keyval_uint(options, "timeout", &c->timeout, err) ||
        !keyval_bool(options, "sslverify", &c->verify, err) ||
        !read_secret(options, "cookie-secret", &c->cookie, err) ||
        !read_secret(options, "password-secret", &c->password, err) ||
        !read_secret(options, "proxy-password-secret", &c->proxy_password, err)) {
        return false;
    }
    if (!url) {
        error_set(err, "%s: the option 'url' is missing", keyval_option(options));
        return false;
    }
    if (!c->ahead || c->ahead % 512 || c->ahead > MAX_AHEAD || !c->timeout || c->timeout > 10000) {
        error_set(err, "readahead is a multiple of 512 up to 32M, timeout 1 to 10000 seconds");
        return false;
    }
    c->url = g_strdup(url);
    c->cookie = c->cookie ? c->cookie : g_strdup(cookie);
    c->user = g_strdup(keyval_string(options, "username", NULL));
    c->proxy_user = g_strdup(keyval_string(options, "proxy-username", NULL));
    return true;
}

static void free_memory(struct curl_node *c)
{
    for (unsigned i = 0; i < c->idle_count; i++) {
        curl.easy_cleanup(c->idle[i]);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        g_free(c->pieces[i].data);
    }
    pthread_mutex_destroy(&c->lock);
    g_free(c->url);
    g_free(c->cookie);
    g_free(c->user);
    g_free(c->password);
    g_free(c->proxy_user);
    g_free(c->proxy_password);
}

static bool open_curl(struct block_node *node, struct keyval *options, struct error **err)
{
    struct curl_node *c = curl_of(node);

    pthread_mutex_init(&c->lock, NULL);
    if ((!curl.easy_init && !load_library(err)) || !read_options(c, options, err) ||
        !ask_size(c, err)) {
        free_memory(c);
        return false;
    }
    g_free(node->file);
    node->file = g_strdup(c->url);
    node->flags |= NODE_READONLY;
    return true;
}

static void close_curl(struct block_node *node)
{
    free_memory(curl_of(node));
}

/* --- reading --------------------------------------------------------------------------------- */

/* Copies from a piece in memory; false when it is not there. */
static bool copy_piece(struct curl_node *c, uint64_t index, uint64_t skip, const struct iovec *iov,
                       unsigned count)
{
    bool found = false;

    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < BLOCKS && !found; i++) {
        struct piece *p = &c->pieces[i];

        if (p->data && p->index == index) {
            iov_fill(iov, count, p->data + skip);
            p->used = ++c->clock;
            found = true;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

static void keep_piece(struct curl_node *c, uint64_t index, uint8_t *data)
{
    struct piece *oldest = c->pieces;

    pthread_mutex_lock(&c->lock);
    for (unsigned i = 1; i < BLOCKS; i++) {
        oldest = c->pieces[i].used < oldest->used ? &c->pieces[i] : oldest;
    }
    g_free(oldest->data);
    *oldest = (struct piece){ index, ++c->clock, data };
    pthread_mutex_unlock(&c->lock);
}

/* Within one piece. */
static int read_piece(struct curl_node *c, uint64_t offset, const struct iovec *iov,
                      unsigned count)
{
    uint64_t index = offset / c->ahead, skip = offset % c->ahead;
    uint8_t *data;
    int rc;

    if (copy_piece(c, index, skip, iov, count)) {
        return 0;
    }
    data = g_malloc(c->ahead);
    rc = fetch(c, index * c->ahead, MIN_OF(c->ahead, c->length - index * c->ahead), data);
    if (rc) {
        g_free(data);
        return rc;
    }
    iov_fill(iov, count, data + skip);
    keep_piece(c, index, data);
    return 0;
}

static int curl_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                      unsigned count)
{
    struct curl_node *c = curl_of(node);
    uint64_t size = iov_size(iov, count), there = MIN_OF(offset, c->length), done = 0;
    struct iovec *part = g_new(struct iovec, count);
    int rc = 0;

    there = MIN_OF(size, c->length - there);
    while (done < there && !rc) {
        uint64_t at = offset + done, n = MIN_OF(c->ahead - at % c->ahead, there - done);

        rc = read_piece(c, at, part, iov_slice(iov, count, done, n, part));
        done += n;
    }
    iov_zero(part, iov_slice(iov, count, there, size - there, part));
    g_free(part);
    return rc;
}

static int64_t curl_length(struct block_node *node)
{
    return curl_of(node)->length;
}

#define DRIVER(scheme)                                                                             \
    static const char *const scheme##_prefixes[] = { #scheme ":", NULL };                          \
    const struct block_driver block_driver_##scheme = {                                            \
        .name = #scheme, .size = sizeof(struct curl_node), .is_protocol = true,                    \
        .prefixes = scheme##_prefixes, .parse_name = parse_name, .open = open_curl,                \
        .close = close_curl, .readv = curl_readv, .length = curl_length,                           \
    };
DRIVER(http)
DRIVER(https)
DRIVER(ftp)
DRIVER(ftps)
#endif
