/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server's handshake: options of fixed newstyle. Until TLS has started little is said. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "nbd/server.h"

#define MAX_OPTION (NBD_MAX_NAME * 4)
#define MAX_OPTIONS 10000               /* of one client */

struct option {
    uint32_t number, size;
    uint8_t *data;
};

/* Walks the fields of an option's data. */
struct fields {
    const uint8_t *at;
    uint32_t left;
    bool good;
};

static uint32_t take_number(struct fields *f, unsigned size)
{
    uint32_t value = 0;

    f->good = f->good && f->left >= size;
    if (f->good) {
        value = ld_be(f->at, size);
        f->at += size;
        f->left -= size;
    }
    return value;
}

/* NULL when there is none; else to be freed. */
static char *take_text(struct fields *f)
{
    uint32_t size = take_number(f, 4);
    char *text = NULL;

    f->good = f->good && size <= f->left && size <= NBD_MAX_NAME;
    if (f->good) {
        text = g_strndup((const char *)f->at, size);
        f->at += size;
        f->left -= size;
    }
    return text;
}

static bool reply(struct nbd_peer *p, const struct option *o, uint32_t type, const void *data,
                  uint32_t size)
{
    uint8_t head[20];
    struct iovec iov[2] = { { head, sizeof(head) }, { (void *)data, size } };

    st64_be(head, NBD_REPLY_MAGIC);
    st32_be(head + 8, o->number);
    st32_be(head + 12, type);
    st32_be(head + 16, size);
    return nbd_sendv(&p->stream, iov, size ? 2 : 1);
}

static bool ack(struct nbd_peer *p, const struct option *o)
{
    return reply(p, o, NBD_REP_ACK, "", 0);
}

static bool refuse(struct nbd_peer *p, const struct option *o, unsigned error, const char *why)
{
    return reply(p, o, NBD_REP_ERROR(error), why, strlen(why));
}

static const struct nbd_export *find_export(const struct nbd_server *server, const char *name)
{
    for (unsigned i = 0; name && i < server->export_count; i++) {
        if (strcmp(server->exports[i].name, name) == 0) {
            return &server->exports[i];
        }
    }
    return NULL;
}

static uint16_t flags_of(const struct nbd_peer *p, const struct nbd_export *e)
{
    uint16_t flags = NBD_HAS_FLAGS | NBD_SEND_FLUSH | NBD_SEND_FUA | NBD_SEND_CACHE |
        NBD_MULTI_CONN;

    flags |= e->readonly ? NBD_READ_ONLY : NBD_SEND_TRIM | NBD_SEND_ZEROES | NBD_SEND_FAST_ZERO;
    return flags | (p->structured ? NBD_SEND_DF : 0);
}

/* --- options --------------------------------------------------------------------------------- */

static bool list_exports(struct nbd_peer *p, const struct option *o)
{
    bool good = true;

    if (o->size) {
        return refuse(p, o, NBD_ERR_INVALID, "LIST has no data");
    }
    for (unsigned i = 0; i < p->server->export_count && good; i++) {
        const struct nbd_export *e = &p->server->exports[i];
        const char *about = e->description ? e->description : "";
        char *data = g_malloc(4 + strlen(e->name) + strlen(about));

        st32_be(data, strlen(e->name));
        memcpy(data + 4, e->name, strlen(e->name));
        memcpy(data + 4 + strlen(e->name), about, strlen(about));
        good = reply(p, o, NBD_REP_SERVER, data, 4 + strlen(e->name) + strlen(about));
        g_free(data);
    }
    return good && ack(p, o);
}

static bool send_text_info(struct nbd_peer *p, const struct option *o, uint16_t type,
                           const char *text)
{
    uint32_t size = 2 + strlen(text);
    uint8_t *data = g_malloc(size);
    bool good;

    st16_be(data, type);
    memcpy(data + 2, text, size - 2);
    good = reply(p, o, NBD_REP_INFO, data, size);
    g_free(data);
    return good;
}

static bool send_infos(struct nbd_peer *p, const struct option *o, const struct nbd_export *e,
                       uint32_t wanted)
{
    uint8_t blocks[14], facts[12];

    st16_be(blocks, NBD_INFO_BLOCK_SIZE);
    st32_be(blocks + 2, 1);
    st32_be(blocks + 6, 4096);
    st32_be(blocks + 10, NBD_MAX_PAYLOAD);
    st16_be(facts, NBD_INFO_EXPORT);
    st64_be(facts + 2, e->size);
    st16_be(facts + 10, flags_of(p, e));
    return (!(wanted & 1 << NBD_INFO_NAME) || send_text_info(p, o, NBD_INFO_NAME, e->name)) &&
        (!(wanted & 1 << NBD_INFO_DESCRIPTION) || !e->description ||
         send_text_info(p, o, NBD_INFO_DESCRIPTION, e->description)) &&
        (!(wanted & 1 << NBD_INFO_BLOCK_SIZE) ||
         reply(p, o, NBD_REP_INFO, blocks, sizeof(blocks))) &&
        reply(p, o, NBD_REP_INFO, facts, sizeof(facts));
}

/* INFO and GO. */
static bool describe_export(struct nbd_peer *p, const struct option *o)
{
    struct fields f = { o->data, o->size, true };
    char *name = take_text(&f);
    const struct nbd_export *e = find_export(p->server, name);
    uint32_t count = take_number(&f, 2), wanted = 0;
    bool good;

    for (uint32_t i = 0; i < count && f.good; i++) {
        uint16_t type = take_number(&f, 2);

        wanted |= type < 32 ? 1u << type : 0;
    }
    if (!f.good || f.left) {
        good = refuse(p, o, NBD_ERR_INVALID, "the request is malformed");
    } else if (!e) {
        good = refuse(p, o, NBD_ERR_UNKNOWN, "export not present");
    } else {
        good = send_infos(p, o, e, wanted) && ack(p, o);
        p->export = o->number == NBD_OPT_GO ? e : NULL;
    }
    g_free(name);
    return good;
}

/* The old way to choose: there is no way to refuse but to hang up. */
static bool choose_export(struct nbd_peer *p, const struct option *o)
{
    char *name = g_strndup((char *)o->data, o->size);
    const struct nbd_export *e = find_export(p->server, name);
    uint8_t data[134] = { 0 };

    g_free(name);
    if (!e) {
        return false;
    }
    p->export = e;
    st64_be(data, e->size);
    st16_be(data + 8, flags_of(p, e));
    return nbd_send(&p->stream, data, p->no_zeroes ? 10 : sizeof(data));
}

static bool start_tls(struct nbd_peer *p, const struct option *o)
{
    struct error *err = NULL;

    if (!p->server->tls) {
        return refuse(p, o, NBD_ERR_POLICY, "TLS not configured");
    }
    if (p->stream.tls || o->size) {
        return refuse(p, o, NBD_ERR_INVALID, "TLS is there already");
    }
    if (!ack(p, o)) {
        return false;
    }
    p->stream.tls = tls_start(p->server->tls, p->stream.fd, NULL, &err);
    if (!p->stream.tls && p->server->verbose) {
        error_warn("a client was refused: %s", error_text(err));
    }
    error_free(err);
    /* What was agreed before was said in the open. */
    p->structured = false;
    p->contexts = 0;
    return p->stream.tls;
}

/* --- contexts -------------------------------------------------------------------------------- */

static bool offer(struct nbd_peer *p, const struct option *o, unsigned id, const char *name)
{
    uint32_t size = 4 + strlen(name);
    uint8_t *data = g_malloc(size);
    bool good;

    st32_be(data, id);
    memcpy(data + 4, name, size - 4);
    good = reply(p, o, NBD_REP_META_CONTEXT, data, size);
    g_free(data);
    return good;
}

static char *context_name(const struct nbd_export *e, unsigned id)
{
    unsigned count = e->bitmaps ? g_strv_length(e->bitmaps) : 0;

    if (id == NBD_CONTEXT_ALLOCATION) {
        return g_strdup("base:allocation");
    }
    if (id == NBD_CONTEXT_DEPTH) {
        return e->depth ? g_strdup("qemu:allocation-depth") : NULL;
    }
    return id - NBD_CONTEXT_BITMAP < count
        ? g_strconcat("qemu:dirty-bitmap:", e->bitmaps[id - NBD_CONTEXT_BITMAP], NULL) : NULL;
}

/* A query names a context; when listing, also a namespace or the start of a name ("base:"). */
static bool matches(const char *name, const char *query, bool list)
{
    return strcmp(name, query) == 0 ||
        (list && *query && query[strlen(query) - 1] == ':' && g_str_has_prefix(name, query));
}

static bool contexts(struct nbd_peer *p, const struct option *o)
{
    bool list = o->number == NBD_OPT_LIST_META_CONTEXT, good = true;
    struct fields f = { o->data, o->size, true };
    char *name = take_text(&f);
    const struct nbd_export *e = find_export(p->server, name);
    uint32_t count = take_number(&f, 4), chosen = 0;

    if (f.good && e && list && !count) {
        chosen = UINT32_MAX;
    }
    for (uint32_t i = 0; i < count && f.good; i++) {
        char *query = take_text(&f);

        for (unsigned id = 0; f.good && e && id < NBD_CONTEXT_BITMAP + NBD_MAX_BITMAPS; id++) {
            char *context = context_name(e, id);

            chosen |= context && matches(context, query, list) ? 1u << id : 0;
            g_free(context);
        }
        g_free(query);
    }
    g_free(name);
    if (!f.good || f.left) {
        return refuse(p, o, NBD_ERR_INVALID, "the request is malformed");
    }
    if (!e) {
        return refuse(p, o, NBD_ERR_UNKNOWN, "export not present");
    }
    if (!list && !p->structured) {
        return refuse(p, o, NBD_ERR_INVALID, "structured replies come first");
    }
    for (unsigned id = 0; id < NBD_CONTEXT_BITMAP + NBD_MAX_BITMAPS && good; id++) {
        char *context = context_name(e, id);

        if (context && chosen & 1u << id) {
            good = offer(p, o, id, context);
        } else {
            chosen &= ~(1u << id);
        }
        g_free(context);
    }
    p->contexts = list ? p->contexts : chosen;
    return good && ack(p, o);
}

/* --- the conversation ------------------------------------------------------------------------ */

static bool handle(struct nbd_peer *p, const struct option *o)
{
    /* With TLS configured nothing else is answered before it. */
    if (p->server->tls && !p->stream.tls && o->number != NBD_OPT_STARTTLS &&
        o->number != NBD_OPT_ABORT) {
        return o->number != NBD_OPT_EXPORT_NAME &&
            refuse(p, o, NBD_ERR_TLS_REQD, "this server wants TLS");
    }
    switch (o->number) {
    case NBD_OPT_EXPORT_NAME:
        return choose_export(p, o);
    case NBD_OPT_ABORT:
        ack(p, o);
        return false;
    case NBD_OPT_LIST:
        return list_exports(p, o);
    case NBD_OPT_STARTTLS:
        return start_tls(p, o);
    case NBD_OPT_INFO: case NBD_OPT_GO:
        return describe_export(p, o);
    case NBD_OPT_STRUCTURED_REPLY:
        if (o->size) {
            return refuse(p, o, NBD_ERR_INVALID, "this option has no data");
        }
        p->structured = true;
        return ack(p, o);
    case NBD_OPT_LIST_META_CONTEXT: case NBD_OPT_SET_META_CONTEXT:
        return contexts(p, o);
    default:
        return refuse(p, o, NBD_ERR_UNSUP, "this option is not known");
    }
}

static bool next_option(struct nbd_peer *p)
{
    uint8_t head[16];
    struct option o;
    bool good;

    if (!nbd_recv(&p->stream, head, sizeof(head)) || ld64_be(head) != NBD_OPTION_MAGIC) {
        return false;
    }
    o.number = ld32_be(head + 8);
    o.size = ld32_be(head + 12);
    if (o.size > MAX_OPTION) {
        return o.size <= NBD_MAX_PAYLOAD && nbd_skip(&p->stream, o.size) &&
            refuse(p, &o, NBD_ERR_TOO_BIG, "the option is too long");
    }
    o.data = g_malloc(o.size + 1);
    good = nbd_recv(&p->stream, o.data, o.size) && handle(p, &o);
    g_free(o.data);
    return good;
}

bool nbd_serve_handshake(struct nbd_peer *p)
{
    uint8_t head[18], answer[4];
    uint32_t flags;

    st64_be(head, NBD_INIT_MAGIC);
    st64_be(head + 8, NBD_OPTION_MAGIC);
    st16_be(head + 16, NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES);
    if (!nbd_send(&p->stream, head, sizeof(head)) || !nbd_recv(&p->stream, answer, 4)) {
        return false;
    }
    flags = ld32_be(answer);
    if (flags & ~(uint32_t)(NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES)) {
        return false;
    }
    p->no_zeroes = flags & NBD_NO_ZEROES;
    for (int i = 0; !p->export && i < MAX_OPTIONS; i++) {
        if (!next_option(p)) {
            return false;
        }
    }
    return p->export;
}
