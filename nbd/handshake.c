/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's handshake: oldstyle and newstyle servers, TLS, structured replies, contexts. */
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bits.h"
#include "nbd/client.h"

/* A reply to an option. */
struct reply {
    uint32_t type, size;
    uint8_t *data;                      /* owned; a zero byte follows */
};

struct shake {
    struct nbd_stream *s;
    const struct nbd_target *target;
    struct error **err;
};

void nbd_target_clear(struct nbd_target *t)
{
    socket_address_clear(&t->address);
    g_free(t->export);
    g_free(t->context);
    g_free(t->tls_host);
    memset(t, 0, sizeof(*t));
}

void nbd_info_clear(struct nbd_export_info *info)
{
    g_free(info->name);
    g_free(info->description);
    g_strfreev(info->contexts);
    memset(info, 0, sizeof(*info));
}

static bool fail(struct shake *k, const char *text)
{
    error_set(k->err, "%s", text);
    return false;
}

static bool lost(struct shake *k)
{
    return fail(k, "The NBD server closed the connection during the handshake");
}

/* --- options --------------------------------------------------------------------------------- */

static bool send_option(struct shake *k, uint32_t option, const void *data, uint32_t size)
{
    uint8_t head[16];

    st64_be(head, NBD_OPTION_MAGIC);
    st32_be(head + 8, option);
    st32_be(head + 12, size);
    return (nbd_send(k->s, head, sizeof(head)) && nbd_send(k->s, data, size)) || lost(k);
}

static bool read_reply(struct shake *k, uint32_t option, struct reply *r)
{
    uint8_t head[20];

    g_free(r->data);
    r->data = NULL;
    if (!nbd_recv(k->s, head, sizeof(head))) {
        return lost(k);
    }
    r->type = ld32_be(head + 12);
    r->size = ld32_be(head + 16);
    if (ld64_be(head) != NBD_REPLY_MAGIC || ld32_be(head + 8) != option ||
        r->size > NBD_MAX_NAME * 4) {
        return fail(k, "The NBD server answers in an unknown way");
    }
    r->data = g_malloc0(r->size + 1);
    return nbd_recv(k->s, r->data, r->size) || lost(k);
}

static bool is_error(const struct reply *r)
{
    return r->type >> 31;
}

/* The server's refusal in words; it may have said why. */
static bool refused(struct shake *k, const struct reply *r, const char *what)
{
    static const char *const words[] = {
        [NBD_ERR_UNSUP] = "the server does not know this option",
        [NBD_ERR_POLICY] = "forbidden by the server's policy",
        [NBD_ERR_INVALID] = "the request is invalid",
        [NBD_ERR_PLATFORM] = "the server's platform cannot do it",
        [NBD_ERR_TLS_REQD] = "the server wants TLS; give tls-creds=",
        [NBD_ERR_UNKNOWN] = "there is no such export",
        [NBD_ERR_SHUTDOWN] = "the server is shutting down",
        [NBD_ERR_BLOCK_SIZE_REQD] = "the server wants the block size to be asked for",
        [NBD_ERR_TOO_BIG] = "the request is too big",
    };
    uint32_t n = r->type & ~NBD_REP_ERROR(0);
    char *said = g_utf8_make_valid((const char *)r->data, -1);

    error_set(k->err, "%s: %s%s%s%s", what,
              n < ARRAY_LEN(words) && words[n] ? words[n] : "the server refuses",
              *said ? " (" : "", said, *said ? ")" : "");
    g_free(said);
    return false;
}

/* An option without data; *on: the server agreed. */
static bool simple_option(struct shake *k, uint32_t option, bool *on)
{
    struct reply r = { 0 };
    bool good = send_option(k, option, "", 0) && read_reply(k, option, &r);

    *on = good && r.type == NBD_REP_ACK;
    g_free(r.data);
    return good;
}

static bool start_tls(struct shake *k)
{
    const struct nbd_target *t = k->target;
    struct reply r = { 0 };
    bool good = send_option(k, NBD_OPT_STARTTLS, "", 0) && read_reply(k, NBD_OPT_STARTTLS, &r);

    if (good && r.type != NBD_REP_ACK) {
        good = refused(k, &r, "TLS cannot start");
    }
    g_free(r.data);
    if (good) {
        k->s->tls = tls_start(t->tls, k->s->fd, t->tls_host ? t->tls_host : t->address.host,
                              k->err);
        good = k->s->tls;
    }
    return good;
}

/* --- contexts -------------------------------------------------------------------------------- */

static GByteArray *context_request(const char *export, const char *query)
{
    GByteArray *data = g_byte_array_new();
    uint8_t number[4];

    st32_be(number, strlen(export));
    g_byte_array_append(data, number, 4);
    g_byte_array_append(data, (const uint8_t *)export, strlen(export));
    st32_be(number, query ? 1 : 0);
    g_byte_array_append(data, number, 4);
    if (query) {
        st32_be(number, strlen(query));
        g_byte_array_append(data, number, 4);
        g_byte_array_append(data, (const uint8_t *)query, strlen(query));
    }
    return data;
}

/* A query of one context (then its id is kept), or the list of all. */
static bool ask_contexts(struct shake *k, uint32_t option, const char *export, const char *query,
                         struct nbd_export_info *info)
{
    GByteArray *data = context_request(export, query);
    GPtrArray *names = g_ptr_array_new();
    struct reply r = { 0 };
    bool good = send_option(k, option, data->data, data->len);

    while (good && (good = read_reply(k, option, &r)) && r.type == NBD_REP_META_CONTEXT) {
        const char *name = (char *)r.data + 4;

        if (r.size < 4 || names->len > 1000) {
            good = fail(k, "The NBD server sends a broken list of contexts");
        } else if (option == NBD_OPT_SET_META_CONTEXT && query && strcmp(name, query) == 0) {
            info->has_context = true;
            info->context_id = ld32_be(r.data);
        } else {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_ptr_array_add(names, NULL);
    info->contexts = (char **)g_ptr_array_free(names, FALSE);
    if (option == NBD_OPT_SET_META_CONTEXT) {
        g_strfreev(info->contexts);
        info->contexts = NULL;
    }
    g_byte_array_free(data, TRUE);
    g_free(r.data);
    return good;
}

/* --- the export ------------------------------------------------------------------------------ */

static void take_info(struct nbd_export_info *info, const struct reply *r)
{
    uint16_t type = r->size >= 2 ? ld16_be(r->data) : UINT16_MAX;

    if (type == NBD_INFO_EXPORT && r->size >= 12) {
        info->size = ld64_be(r->data + 2);
        info->flags = ld16_be(r->data + 10);
    } else if (type == NBD_INFO_BLOCK_SIZE && r->size >= 14) {
        info->min_block = ld32_be(r->data + 2);
        info->best_block = ld32_be(r->data + 6);
        info->max_block = ld32_be(r->data + 10);
    } else if (type == NBD_INFO_DESCRIPTION) {
        g_free(info->description);
        info->description = g_utf8_make_valid((char *)r->data + 2, r->size - 2);
    }
}

/* GO or INFO; *unknown when the server has neither. */
static bool ask_export(struct shake *k, uint32_t option, const char *name,
                       struct nbd_export_info *info, bool *unknown)
{
    uint32_t length = strlen(name);
    uint8_t *data = g_malloc0(length + 12);
    struct reply r = { 0 };
    bool good;

    st32_be(data, length);
    memcpy(data + 4, name, length);
    st16_be(data + 4 + length, 2);
    st16_be(data + 6 + length, NBD_INFO_BLOCK_SIZE);
    st16_be(data + 8 + length, NBD_INFO_DESCRIPTION);
    good = send_option(k, option, data, length + 10);
    while (good && (good = read_reply(k, option, &r)) && r.type == NBD_REP_INFO) {
        take_info(info, &r);
    }
    *unknown = good && r.type == NBD_REP_ERROR(NBD_ERR_UNSUP);
    if (good && !*unknown && r.type != NBD_REP_ACK) {
        char *what = g_strdup_printf("Requested export '%s' is not available", name);

        good = refused(k, &r, what);
        g_free(what);
    }
    g_free(r.data);
    g_free(data);
    return good;
}

/* For servers that do not know GO: it never fails but by closing the connection. */
static bool export_name(struct shake *k, const char *name, bool no_zeroes,
                        struct nbd_export_info *info)
{
    uint8_t reply[10];

    if (!send_option(k, NBD_OPT_EXPORT_NAME, name, strlen(name))) {
        return false;
    }
    if (!nbd_recv(k->s, reply, sizeof(reply)) || (!no_zeroes && !nbd_skip(k->s, 124))) {
        error_set(k->err, "The NBD server has no export '%s', or refuses it", name);
        return false;
    }
    info->size = ld64_be(reply);
    info->flags = ld16_be(reply + 8);
    return true;
}

static bool check_info(struct shake *k, struct nbd_export_info *info)
{
    uint32_t min = info->min_block;

    if (info->size > INT64_MAX) {
        return fail(k, "The NBD server names an impossible size");
    }
    if (min && (!bits_is_power_of_two(min) || min > 65536 || info->max_block < min)) {
        return fail(k, "The NBD server names impossible block sizes");
    }
    info->max_block = min ? MIN_OF(align_down(info->max_block, min), NBD_MAX_PAYLOAD)
        : NBD_MAX_PAYLOAD;
    return true;
}

static bool agree(struct shake *k, bool no_zeroes, struct nbd_export_info *info)
{
    const struct nbd_target *t = k->target;
    const char *name = t->export ? t->export : "";
    bool unknown;

    if ((t->tls && !start_tls(k)) ||
        !simple_option(k, NBD_OPT_STRUCTURED_REPLY, &info->structured)) {
        return false;
    }
    if (info->structured && !ask_contexts(k, NBD_OPT_SET_META_CONTEXT, name, t->context
                                          ? t->context : "base:allocation", info)) {
        return false;
    }
    if (t->context && !info->has_context) {
        error_set(k->err, "The NBD server has no context '%s'", t->context);
        return false;
    }
    return ask_export(k, NBD_OPT_GO, name, info, &unknown) &&
        (!unknown || export_name(k, name, no_zeroes, info)) && check_info(k, info);
}

/* --- greetings ------------------------------------------------------------------------------- */

enum style { STYLE_BAD, STYLE_OLD, STYLE_NEW, STYLE_FIXED };

static enum style greet(struct shake *k, bool *no_zeroes)
{
    uint8_t head[18], answer[4];
    uint16_t flags;

    if (!nbd_recv(k->s, head, 16)) {
        fail(k, "The server closed the connection before it greeted");
        return STYLE_BAD;
    }
    if (ld64_be(head) != NBD_INIT_MAGIC ||
        (ld64_be(head + 8) != NBD_OPTION_MAGIC && ld64_be(head + 8) != NBD_OLD_MAGIC)) {
        fail(k, "The server does not speak NBD");
        return STYLE_BAD;
    }
    if (ld64_be(head + 8) == NBD_OLD_MAGIC) {
        return STYLE_OLD;
    }
    if (!nbd_recv(k->s, head, 2)) {
        lost(k);
        return STYLE_BAD;
    }
    flags = ld16_be(head);
    *no_zeroes = flags & NBD_NO_ZEROES;
    st32_be(answer, flags & (NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES));
    if (!nbd_send(k->s, answer, 4)) {
        lost(k);
        return STYLE_BAD;
    }
    return flags & NBD_FIXED_NEWSTYLE ? STYLE_FIXED : STYLE_NEW;
}

static bool old_style(struct shake *k, struct nbd_export_info *info)
{
    uint8_t data[12];

    if (k->target->tls || (k->target->export && *k->target->export)) {
        return fail(k, "The server is an oldstyle one, which has neither TLS nor named exports");
    }
    if (!nbd_recv(k->s, data, sizeof(data)) || !nbd_skip(k->s, 124)) {
        return lost(k);
    }
    info->size = ld64_be(data);
    info->flags = ld16_be(data + 10);
    return check_info(k, info);
}

static bool open_stream(struct nbd_stream *s, const struct nbd_target *t, struct error **err)
{
    int on = 1;

    s->tls = NULL;
    s->fd = socket_connect(&t->address, true, err);
    if (s->fd >= 0 && !t->address.path) {
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    return s->fd >= 0;
}

bool nbd_shake(struct nbd_stream *s, const struct nbd_target *t, struct nbd_export_info *info,
               struct error **err)
{
    struct shake k = { s, t, err };
    bool no_zeroes = false, good = false;

    memset(info, 0, sizeof(*info));
    switch (greet(&k, &no_zeroes)) {
    case STYLE_OLD:
        good = old_style(&k, info);
        break;
    case STYLE_NEW:
        good = t->tls ? fail(&k, "The server is too old for TLS")
            : export_name(&k, t->export ? t->export : "", no_zeroes, info) && check_info(&k, info);
        break;
    case STYLE_FIXED:
        good = agree(&k, no_zeroes, info);
        break;
    case STYLE_BAD:
        break;
    }
    info->name = g_strdup(t->export ? t->export : "");
    if (!good) {
        nbd_stream_close(s);
        nbd_info_clear(info);
    }
    return good;
}

bool nbd_connect(struct nbd_stream *s, const struct nbd_target *t, struct nbd_export_info *info,
                 struct error **err)
{
    return open_stream(s, t, err) && nbd_shake(s, t, info, err);
}

/* --- the list of exports --------------------------------------------------------------------- */

static bool read_names(struct shake *k, GArray *list)
{
    struct reply r = { 0 };
    bool good = send_option(k, NBD_OPT_LIST, "", 0);

    while (good && (good = read_reply(k, NBD_OPT_LIST, &r)) && r.type == NBD_REP_SERVER) {
        struct nbd_export_info info = { 0 };
        uint32_t length = r.size >= 4 ? ld32_be(r.data) : UINT32_MAX;

        if (length > r.size - MIN_OF(4, r.size) || list->len >= 10000) {
            good = fail(k, "The NBD server sends a broken list of exports");
            break;
        }
        info.name = g_strndup((char *)r.data + 4, length);
        if (r.size > 4 + length) {
            info.description = g_utf8_make_valid((char *)r.data + 4 + length, -1);
        }
        g_array_append_val(list, info);
    }
    if (good && is_error(&r)) {
        good = refused(k, &r, "The exports cannot be listed");
    }
    g_free(r.data);
    return good;
}

struct nbd_export_info *nbd_list(const struct nbd_target *t, size_t *count, struct error **err)
{
    struct nbd_stream s;
    struct shake k = { &s, t, err };
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct nbd_export_info));
    bool no_zeroes, structured = false, unknown = false, good;

    if (!open_stream(&s, t, err)) {
        g_array_free(list, TRUE);
        return NULL;
    }
    good = greet(&k, &no_zeroes) == STYLE_FIXED;
    if (!good) {
        fail(&k, "The server is too old to list its exports");
    }
    good = good && (!t->tls || start_tls(&k)) &&
        simple_option(&k, NBD_OPT_STRUCTURED_REPLY, &structured) && read_names(&k, list);
    for (unsigned i = 0; i < list->len && good && !unknown; i++) {
        struct nbd_export_info *info = &g_array_index(list, struct nbd_export_info, i);

        good = ask_export(&k, NBD_OPT_INFO, info->name, info, &unknown) &&
            (!structured || unknown ||
             ask_contexts(&k, NBD_OPT_LIST_META_CONTEXT, info->name, NULL, info));
    }
    if (good) {
        send_option(&k, NBD_OPT_ABORT, "", 0);
    }
    nbd_stream_close(&s);
    *count = list->len;
    if (!good) {
        for (unsigned i = 0; i < list->len; i++) {
            nbd_info_clear(&g_array_index(list, struct nbd_export_info, i));
        }
        g_array_free(list, TRUE);
        return NULL;
    }
    /* An empty list is not NULL. */
    g_array_set_size(list, list->len + 1);
    return (struct nbd_export_info *)g_array_free(list, FALSE);
}
