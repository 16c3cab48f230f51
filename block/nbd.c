/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nbd protocol: a disk on a server. A connection that broke is made anew; what was not answered
 * is then asked again, which is harmless as all requests are.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "block/node.h"
#include "nbd/client.h"

struct nbd_node {
    struct block_node node;
    struct nbd_target target;
    struct nbd_export_info info;
    uint64_t reconnect_delay;           /* seconds */
    pthread_rwlock_t lock;              /* of `client`: held for reading by requests */
    struct nbd_client *client;
    pthread_mutex_t edge_lock;          /* writes of parts of the server's blocks */
};

static struct nbd_node *nbd_of(struct block_node *node)
{
    return (struct nbd_node *)node;
}

/* --- names ----------------------------------------------------------------------------------- */

static const char *const prefixes[] = { "nbd:", "nbd+tcp:", "nbd+unix:", NULL };

static bool parse_uri(const char *name, struct keyval *options, struct error **err)
{
    GUri *uri = g_uri_parse(name, G_URI_FLAGS_NONE, NULL);
    bool is_unix = g_str_has_prefix(name, "nbd+unix:");
    GHashTable *query = uri && g_uri_get_query(uri)
        ? g_uri_parse_params(g_uri_get_query(uri), -1, "&", G_URI_PARAMS_NONE, NULL) : NULL;
    const char *socket = query ? g_hash_table_lookup(query, "socket") : NULL, *path;
    bool good = uri && !is_unix == !socket;

    if (good) {
        path = g_uri_get_path(uri);
        path += *path == '/';
        keyval_set(options, "export", path);
        if (is_unix) {
            keyval_set(options, "path", socket);
        } else {
            char *port = g_strdup_printf("%d", g_uri_get_port(uri));

            keyval_set(options, "host", g_uri_get_host(uri) && *g_uri_get_host(uri)
                       ? g_uri_get_host(uri) : "localhost");
            keyval_set(options, "port", g_uri_get_port(uri) > 0 ? port : NBD_DEFAULT_PORT);
            g_free(port);
        }
    } else {
        error_set(err, "'%s' is no valid NBD address; nbd://HOST[:PORT]/EXPORT and "
                  "nbd+unix:///EXPORT?socket=PATH are", name);
    }
    if (query) {
        g_hash_table_destroy(query);
    }
    if (uri) {
        g_uri_unref(uri);
    }
    return good;
}

/* nbd:HOST:PORT and nbd:unix:PATH, with :exportname=NAME behind. */
static bool parse_classic(const char *name, struct keyval *options, struct error **err)
{
    static const char mark[] = ":exportname=";
    const char *export = strstr(name, mark), *colon;
    char *place = g_strndup(name + 4, export ? export - name - 4 : strlen(name) - 4);
    bool good = true;

    if (export) {
        keyval_set(options, "export", export + strlen(mark));
    }
    if (g_str_has_prefix(place, "unix:")) {
        keyval_set(options, "path", place + 5);
    } else if ((colon = strrchr(place, ':')) && colon[1] && place[0] == '[' && colon > place &&
               colon[-1] == ']') {
        char *host = g_strndup(place + 1, colon - place - 2);

        keyval_set(options, "host", host);
        keyval_set(options, "port", colon + 1);
        g_free(host);
    } else if (colon && colon[1]) {
        char *host = g_strndup(place, colon - place);

        keyval_set(options, "host", host);
        keyval_set(options, "port", colon + 1);
        g_free(host);
    } else {
        error_set(err, "'%s': the port is missing; nbd:HOST:PORT[:exportname=NAME] or "
                  "nbd:unix:PATH[:exportname=NAME]", name);
        good = false;
    }
    g_free(place);
    return good;
}

static bool parse_name(const char *name, struct keyval *options, struct error **err)
{
    bool is_uri = strncmp(name + strcspn(name, ":"), "://", 3) == 0;

    return is_uri ? parse_uri(name, options, err) : parse_classic(name, options, err);
}

/* The name that says where the disk is, for `info` and overlays. */
static char *canonical_name(const struct nbd_target *t)
{
    const struct socket_address *a = &t->address;
    const char *export = t->export ? t->export : "";
    char *escaped = g_uri_escape_string(export, "/", FALSE), *name;
    bool v6 = a->host && strchr(a->host, ':');

    if (a->path) {
        name = g_strdup_printf("nbd+unix://%s%s?socket=%s", *escaped ? "/" : "", escaped,
                               a->path);
    } else {
        name = g_strdup_printf("nbd://%s%s%s:%s%s%s", v6 ? "[" : "", a->host, v6 ? "]" : "",
                               a->port, *escaped ? "/" : "", escaped);
    }
    g_free(escaped);
    return name;
}

/* --- opening --------------------------------------------------------------------------------- */

static bool read_target(struct nbd_node *n, struct keyval *options, struct error **err)
{
    struct keyval *server = keyval_sub(options, "server.");
    const char *key, *value, *tls = keyval_string(options, "tls-creds", NULL);
    size_t at = 0;
    struct nbd_target *t = &n->target;
    uint64_t open_timeout = 0;
    bool good;

    /* server.type=inet,server.host=... is the long form. */
    while (keyval_next(server, &at, &key, &value)) {
        if (strcmp(key, "type") != 0) {
            keyval_set(options, key, value);
        }
    }
    keyval_free(server);
    if (!keyval_has(options, "path") && !keyval_has(options, "port")) {
        keyval_set(options, "port", NBD_DEFAULT_PORT);
    }
    t->export = g_strdup(keyval_string(options, "export", NULL));
    t->context = g_strdup(keyval_string(options, "x-dirty-bitmap", NULL));
    t->tls_host = g_strdup(keyval_string(options, "tls-hostname", NULL));
    good = socket_address_parse(&t->address, options, err);
    if (good && !t->address.path && !*t->address.host) {
        g_free(t->address.host);
        t->address.host = g_strdup("localhost");
    }
    if (good && t->export && strlen(t->export) > NBD_MAX_NAME) {
        error_set(err, "The name of the export is too long");
        good = false;
    }
    t->tls = good && tls ? tls_creds_find(tls, false, err) : NULL;
    return good && !tls == !t->tls &&
        keyval_uint(options, "reconnect-delay", &n->reconnect_delay, err) &&
        keyval_uint(options, "open-timeout", &open_timeout, err);
}

static bool open_nbd(struct block_node *node, struct keyval *options, struct error **err)
{
    struct nbd_node *n = nbd_of(node);
    struct nbd_stream stream;
    struct error *why = NULL;

    if (!read_target(n, options, &why) || !nbd_connect(&stream, &n->target, &n->info, &why)) {
        error_prepend(&why, "Could not open '%s': ", node->file);
        error_propagate(err, why);
        nbd_target_clear(&n->target);
        return false;
    }
    if (n->info.flags & NBD_READ_ONLY && !(node->flags & NODE_READONLY)) {
        error_set(err, "Could not open '%s': the NBD export is read-only", node->file);
        nbd_stream_close(&stream);
        nbd_info_clear(&n->info);
        nbd_target_clear(&n->target);
        return false;
    }
    g_free(node->file);
    node->file = canonical_name(&n->target);
    n->client = nbd_client_create(stream, &n->info);
    pthread_rwlock_init(&n->lock, NULL);
    pthread_mutex_init(&n->edge_lock, NULL);
    return true;
}

static void close_nbd(struct block_node *node)
{
    struct nbd_node *n = nbd_of(node);

    nbd_client_free(n->client);
    nbd_info_clear(&n->info);
    nbd_target_clear(&n->target);
    pthread_rwlock_destroy(&n->lock);
    pthread_mutex_destroy(&n->edge_lock);
}

/* --- requests -------------------------------------------------------------------------------- */

/* Once, and then for reconnect-delay seconds. The size must be what it was. */
static bool reconnect(struct nbd_node *n)
{
    time_t until = time(NULL) + n->reconnect_delay;
    bool good;

    pthread_rwlock_wrlock(&n->lock);
    good = n->client && !nbd_client_is_dead(n->client);
    while (!good) {
        struct nbd_stream stream;
        struct nbd_export_info info;

        if (nbd_connect(&stream, &n->target, &info, NULL)) {
            good = info.size == n->info.size && info.has_context == n->info.has_context &&
                (info.flags & NBD_READ_ONLY) == (n->info.flags & NBD_READ_ONLY);
            if (good) {
                nbd_client_free(n->client);
                n->client = nbd_client_create(stream, &info);
            } else {
                nbd_stream_close(&stream);
            }
            nbd_info_clear(&info);
            break;
        }
        if (time(NULL) >= until) {
            break;
        }
        sleep(1);
    }
    pthread_rwlock_unlock(&n->lock);
    return good;
}

static int call(struct nbd_node *n, struct nbd_call *c)
{
    unsigned room = c->extent_count;

    for (int tries = 0; tries < 5; tries++) {
        int rc;

        c->extent_count = room;
        pthread_rwlock_rdlock(&n->lock);
        rc = nbd_client_call(n->client, c);
        pthread_rwlock_unlock(&n->lock);
        if (rc != -ENOTCONN) {
            return rc;
        }
        if (!reconnect(n)) {
            break;
        }
    }
    return -EIO;
}

/* Whole blocks of the server, in as many requests as it needs. */
static int transfer(struct nbd_node *n, uint16_t command, uint64_t offset,
                    const struct iovec *iov, unsigned count)
{
    uint64_t size = iov_size(iov, count), done = 0;
    struct iovec *part = g_new(struct iovec, count);
    int rc = 0;

    while (done < size && !rc) {
        struct nbd_call c = { .command = command, .offset = offset + done, .iov = part };

        c.size = MIN_OF(size - done, n->info.max_block);
        c.count = iov_slice(iov, count, done, c.size, part);
        rc = call(n, &c);
        done += c.size;
    }
    g_free(part);
    return rc;
}

/* With parts of blocks at the ends: through a buffer. */
static int transfer_edges(struct nbd_node *n, uint16_t command, uint64_t offset,
                          const struct iovec *iov, unsigned count)
{
    uint32_t block = n->info.min_block;
    uint64_t size = iov_size(iov, count), from = align_down(offset, block);
    uint64_t to = align_up(offset + size, block);
    struct iovec whole = { g_malloc(to - from), to - from }, *part = g_new(struct iovec, 1);
    int rc;

    pthread_mutex_lock(&n->edge_lock);
    rc = transfer(n, NBD_READ, from, &whole, 1);
    *part = (struct iovec){ (char *)whole.iov_base + (offset - from), size };
    if (!rc && command == NBD_WRITE) {
        iov_gather(iov, count, part->iov_base);
        rc = transfer(n, NBD_WRITE, from, &whole, 1);
    } else if (!rc) {
        iov_fill(iov, count, part->iov_base);
    }
    pthread_mutex_unlock(&n->edge_lock);
    g_free(whole.iov_base);
    g_free(part);
    return rc;
}

static bool is_whole(struct nbd_node *n, uint64_t offset, uint64_t size)
{
    return n->info.min_block <= 1 || is_aligned(offset | size, n->info.min_block);
}

static int move(struct nbd_node *n, uint16_t command, uint64_t offset, const struct iovec *iov,
                unsigned count)
{
    return is_whole(n, offset, iov_size(iov, count))
        ? transfer(n, command, offset, iov, count) : transfer_edges(n, command, offset, iov, count);
}

static int nbd_readv(struct block_node *node, uint64_t offset, const struct iovec *iov,
                     unsigned count)
{
    struct nbd_node *n = nbd_of(node);
    uint64_t size = iov_size(iov, count), there = MIN_OF(offset, n->info.size);
    struct iovec *part;
    int rc;

    there = MIN_OF(size, n->info.size - there);
    if (there == size) {
        return move(n, NBD_READ, offset, iov, count);
    }
    part = g_new(struct iovec, count);
    rc = there ? move(n, NBD_READ, offset, part, iov_slice(iov, count, 0, there, part)) : 0;
    iov_zero(part, iov_slice(iov, count, there, size - there, part));
    g_free(part);
    return rc;
}

static int nbd_writev(struct block_node *node, uint64_t offset, const struct iovec *iov,
                      unsigned count)
{
    struct nbd_node *n = nbd_of(node);
    uint64_t size = iov_size(iov, count);

    if (size > n->info.size || offset > n->info.size - size) {
        return -ENOSPC;
    }
    return move(n, NBD_WRITE, offset, iov, count);
}

/* A command without data over a range of any length. */
static int range_call(struct nbd_node *n, uint16_t command, uint16_t flags, uint64_t offset,
                      uint64_t size)
{
    int rc = 0;

    while (size && !rc) {
        struct nbd_call c = { .command = command, .flags = flags, .offset = offset };

        c.size = MIN_OF(size, 1u << 30);
        rc = call(n, &c);
        offset += c.size;
        size -= c.size;
    }
    return rc;
}

static int nbd_write_zeroes(struct block_node *node, uint64_t offset, uint64_t size,
                            bool may_unmap)
{
    struct nbd_node *n = nbd_of(node);

    if (!(n->info.flags & NBD_SEND_ZEROES) || !is_whole(n, offset, size)) {
        return -ENOTSUP;
    }
    if (size > n->info.size || offset > n->info.size - size) {
        return -ENOSPC;
    }
    return range_call(n, NBD_ZEROES, may_unmap ? 0 : NBD_NO_HOLE, offset, size);
}

static int nbd_discard(struct block_node *node, uint64_t offset, uint64_t size)
{
    struct nbd_node *n = nbd_of(node);
    uint32_t block = MAX_OF(n->info.min_block, 1);
    uint64_t from = align_up(offset, block);
    uint64_t to = align_down(MIN_OF(offset + size, n->info.size), block);

    if (!(n->info.flags & NBD_SEND_TRIM) || from >= to) {
        return 0;
    }
    return range_call(n, NBD_TRIM, 0, from, to - from);
}

static int nbd_flush(struct block_node *node)
{
    struct nbd_node *n = nbd_of(node);
    struct nbd_call c = { .command = NBD_FLUSH };

    return n->info.flags & NBD_SEND_FLUSH ? call(n, &c) : 0;
}

static int64_t nbd_length(struct block_node *node)
{
    return nbd_of(node)->info.size;
}

static int nbd_status(struct block_node *node, uint64_t offset, uint64_t size,
                      struct block_extent *extent)
{
    struct nbd_node *n = nbd_of(node);
    struct nbd_extent e = { 0 };
    struct nbd_call c = { .command = NBD_BLOCK_STATUS, .flags = NBD_REQ_ONE, .extents = &e,
                          .extent_count = 1 };
    uint32_t block = MAX_OF(n->info.min_block, 1);
    int rc;

    *extent = (struct block_extent){ .length = size, .offset = offset, .file = node->file,
                                     .allocated = true, .has_offset = true };
    if (!n->info.has_context || offset >= n->info.size) {
        return 0;
    }
    c.offset = align_down(offset, block);
    c.size = MIN_OF(align_up(MIN_OF(offset + size, n->info.size), block) - c.offset, 1u << 30);
    rc = call(n, &c);
    if (rc) {
        return rc;
    }
    if (c.offset + e.length <= offset) {
        return -EIO;
    }
    extent->length = MIN_OF(size, c.offset + e.length - offset);
    /* Of another context the flags mean something else: shown as holes, as others do. */
    extent->allocated = !n->target.context || !(e.flags & NBD_STATE_HOLE);
    extent->zero = !n->target.context && e.flags & NBD_STATE_ZERO;
    return 0;
}

static bool nbd_resize(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                       struct error **err)
{
    if (size > nbd_of(node)->info.size) {
        error_set(err, "An NBD export cannot grow; it has %llu bytes, and %llu are needed",
                  (unsigned long long)nbd_of(node)->info.size, (unsigned long long)size);
        return false;
    }
    return true;
}

const struct block_driver block_driver_nbd = {
    .name = "nbd", .size = sizeof(struct nbd_node), .is_protocol = true, .prefixes = prefixes,
    .parse_name = parse_name, .open = open_nbd, .close = close_nbd, .status = nbd_status,
    .readv = nbd_readv, .writev = nbd_writev, .write_zeroes = nbd_write_zeroes,
    .discard = nbd_discard, .flush = nbd_flush, .length = nbd_length, .resize = nbd_resize,
};
