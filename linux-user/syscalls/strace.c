/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -strace: "PID name(arguments) = result", from the kinds of the call's arguments. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/bits.h"
#include "base/log.h"
#include "linux-user/syscalls/call.h"

enum { TEXT_SHOWN = 64, BYTES_SHOWN = 32, STRINGS_SHOWN = 16, ELEMENTS_SHOWN = 4 };

/* A line in the making; what does not fit is dropped. */
struct line {
    unsigned used;
    char text[4096];
};

static void add(struct line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct line *l, const char *fmt, ...)
{
    va_list ap;
    unsigned room = sizeof(l->text) - l->used;

    va_start(ap, fmt);
    int n = vsnprintf(l->text + l->used, room, fmt, ap);
    va_end(ap);
    l->used += n < 0 ? 0 : MIN_OF((unsigned)n, room - 1);
}

static void add_address(struct line *l, const struct call *c, uint64_t addr)
{
    if (!addr) {
        add(l, "NULL");
    } else {
        add(l, "0x%0*llx", call_is_64(c) ? 16 : 8, (unsigned long long)addr);
    }
}

static void add_quoted(struct line *l, const char *bytes, size_t n)
{
    add(l, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = bytes[i];
        if (ch == '"' || ch == '\\') {
            add(l, "\\%c", ch);
        } else if (ch == '\n') {
            add(l, "\\n");
        } else if (ch == '\t') {
            add(l, "\\t");
        } else if (isprint(ch)) {
            add(l, "%c", ch);
        } else {
            add(l, "\\%03o", ch);
        }
    }
    add(l, "\"");
}

static void add_text(struct line *l, const struct call *c, uint64_t addr, unsigned max)
{
    char text[PATH_MAX];
    int64_t len = addr && !call_range(addr, 1) ? user_strlen(addr, sizeof(text) - 1) : -EFAULT;

    if (len < 0 || !user_read(text, addr, len)) {
        add_address(l, c, addr);
        return;
    }
    add_quoted(l, text, MIN_OF((size_t)len, max));
    if (len > max) {
        add(l, "...");
    }
}

static void add_bytes(struct line *l, const struct call *c, uint64_t addr, uint64_t len)
{
    char bytes[BYTES_SHOWN];
    size_t n = MIN_OF(len, sizeof(bytes));

    if (!addr || call_range(addr, n) || !user_read(bytes, addr, n)) {
        add_address(l, c, addr);
        return;
    }
    add_quoted(l, bytes, n);
    if (len > n) {
        add(l, "...");
    }
}

static void add_flags(struct line *l, const struct flag_set *set, uint64_t value)
{
    bool first = true;

    for (const struct flag *f = set->flags; f->name; f++) {
        if ((value & f->mask) != f->value || (f->value == 0 && f->mask == 0)) {
            continue;
        }
        add(l, "%s%s", first ? "" : "|", f->name);
        first = false;
        value &= ~f->mask;
        if (f->mask == ~0ull) {
            return;
        }
    }
    if (value || first) {
        add(l, value > 9 ? "%s0x%llx" : "%s%llu", first ? "" : "|", (unsigned long long)value);
    }
}

static void add_struct(struct line *l, const struct thunk_struct *s, const char *guest);

static void add_field(struct line *l, const struct thunk_struct *s, const struct thunk_field *f,
                      const char *p)
{
    unsigned type = f->type & ~THUNK_FIT;
    uint64_t v;

    if (type == THUNK_STRUCT) {
        add_struct(l, f->sub, p);
        return;
    }
    if (f->guest_size > 8) {
        add(l, "...");
        return;
    }
    v = thunk_get(p, f->guest_size);
    if (s == &thunk_sigset) {
        add(l, "0x%llx", (unsigned long long)v);
    } else if (type == THUNK_PTR || type == THUNK_BYTES) {
        add(l, "0x%llx", (unsigned long long)v);
    } else if (type == THUNK_S8 || type == THUNK_S16 || type == THUNK_S32 || type == THUNK_S64 ||
               type == THUNK_LONG) {
        add(l, "%lld", (long long)bits_sign_extend(v, 8 * f->guest_size));
    } else {
        add(l, "%llu", (unsigned long long)v);
    }
}

static void add_struct(struct line *l, const struct thunk_struct *s, const char *guest)
{
    bool lone = s->fields[1].type == THUNK_END && s->fields[0].count == 1;
    const char *comma = "";

    add(l, lone ? "[" : "{");
    for (const struct thunk_field *f = s->fields; f->type != THUNK_END; f++) {
        if (!f->name) {
            continue;
        }
        if (!lone) {
            add(l, "%s%s=", comma, f->name);
            comma = ",";
        }
        for (unsigned i = 0; i < f->count; i++) {
            add(l, "%s", i ? " " : "");
            add_field(l, s, f, guest + f->guest_offset + i * f->guest_size);
        }
    }
    add(l, lone ? "]" : "}");
}

static void add_structs(struct line *l, const struct call *c, const struct thunk_struct *s,
                        uint64_t addr, uint64_t n)
{
    char guest[512];

    if (!addr || call_range(addr, s->guest_size) || !user_read(guest, addr, s->guest_size)) {
        add_address(l, c, addr);
        return;
    }
    if (n == 1) {
        add_struct(l, s, guest);
        return;
    }
    add(l, "[");
    for (uint64_t i = 0; i < MIN_OF(n, ELEMENTS_SHOWN); i++) {
        if (!user_read(guest, addr + i * s->guest_size, s->guest_size)) {
            break;
        }
        add(l, "%s", i ? "," : "");
        add_struct(l, s, guest);
    }
    add(l, n > ELEMENTS_SHOWN ? ",...]" : "]");
}

static void add_socket_address(struct line *l, const struct call *c, uint64_t addr, uint64_t len)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        char bytes[128];
    } a = {0};
    char text[INET6_ADDRSTRLEN];
    size_t n = MIN_OF(len, sizeof(a.un));

    if (!addr || n < sizeof(a.any.sa_family) || call_range(addr, n) || !user_read(&a, addr, n)) {
        add_address(l, c, addr);
        return;
    }
    add(l, "{sa_family=");
    add_flags(l, &flags_family, a.any.sa_family);
    if (a.any.sa_family == AF_UNIX) {
        size_t path = n - offsetof(struct sockaddr_un, sun_path);
        add(l, ",sun_path=");
        add_quoted(l, a.un.sun_path, a.un.sun_path[0] ? strnlen(a.un.sun_path, path) : path);
    } else if (a.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a.in.sin_addr, text, sizeof(text));
        add(l, ",sin_port=%d,sin_addr=%s", ntohs(a.in.sin_port), text);
    } else if (a.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &a.in6.sin6_addr, text, sizeof(text));
        add(l, ",sin6_port=%d,sin6_addr=%s", ntohs(a.in6.sin6_port), text);
    }
    add(l, "}");
}

static void add_strings(struct line *l, const struct call *c, uint64_t addr)
{
    uint64_t string;

    if (!addr || call_get_word(c, &string, addr, 0)) {
        add_address(l, c, addr);
        return;
    }
    add(l, "{");
    for (unsigned i = 0; !call_get_word(c, &string, addr, i) && string && i < STRINGS_SHOWN; i++) {
        add_text(l, c, string, TEXT_SHOWN);
        add(l, ",");
    }
    add(l, string ? "...}" : "NULL}");
}

static void add_signal(struct line *l, int sig)
{
    const char *name = sigabbrev_np(sig);

    if (name) {
        add(l, "SIG%s", name);
    } else {
        add(l, "%d", sig);
    }
}

static void add_arg(struct line *l, const struct call *c, unsigned i)
{
    const struct call_arg *arg = &c->row->args[i];
    uint64_t v = c->a[i];

    switch (arg->kind) {
    case ARG_DIRFD:
        if ((int)v == AT_FDCWD) {
            add(l, "AT_FDCWD");
            break;
        }
        /* fall through */
    case ARG_INT:
    case ARG_LONG:
    case ARG_FD:
    case ARG_ID16:
    case ARG_OFF64:
    case ARG_POS:
        add(l, "%lld", (long long)v);
        break;
    case ARG_UINT:
    case ARG_ULONG:
        add(l, "%llu", (unsigned long long)v);
        break;
    case ARG_OCTAL:
        add(l, v ? "0%llo" : "%llo", (unsigned long long)v);
        break;
    case ARG_FLAGS:
    case ARG_ENUM:
        if (arg->flags == &flags_so && c->a[1] != SOL_SOCKET) {
            add(l, "%lld", (long long)v);
        } else {
            add_flags(l, arg->flags, arg->kind == ARG_ENUM ? (uint64_t)(int32_t)v : v);
        }
        break;
    case ARG_SIGNAL:
        add_signal(l, v);
        break;
    case ARG_HEX:
        add(l, v > 9 ? "0x%llx" : "%llu", (unsigned long long)v);
        break;
    case ARG_PATH:
    case ARG_LPATH:
        add_text(l, c, v, PATH_MAX);
        break;
    case ARG_TEXT:
        add_text(l, c, v, TEXT_SHOWN);
        break;
    case ARG_BYTES_IN:
        add_bytes(l, c, v, c->a[arg->n]);
        break;
    case ARG_SOCKADDR:
        add_socket_address(l, c, v, (int)c->a[arg->n] < 0 ? 0 : c->a[arg->n]);
        break;
    case ARG_STRINGS:
        add_strings(l, c, v);
        break;
    case ARG_IN:
    case ARG_INOUT:
        add_structs(l, c, arg->layout, v, 1);
        break;
    case ARG_IN_V:
    case ARG_INOUT_V:
        add_structs(l, c, arg->layout, v, c->a[arg->n]);
        break;
    case ARG_IOV_IN:
    case ARG_IOV_OUT:
        add_structs(l, c, &thunk_iovec, v, c->a[arg->n]);
        break;
    default:
        add_address(l, c, v);
    }
}

/* The thread whose line is unfinished, 0 none. Only reads and writes inside log_begin(). */
static pid_t unfinished;

static void write_line(struct task *t, const char *text, bool finished)
{
    log_begin();
    if (unfinished && unfinished != t->tid) {
        log_printf(" <unfinished ...>\n");
    }
    log_printf("%s", text);
    unfinished = finished ? 0 : t->tid;
    log_end();
}

void strace_enter(const struct call *c)
{
    struct line l = {0};

    add(&l, "%d %s(", c->t->tid, c->row->name);
    for (unsigned i = 0; i < CALL_ARGS && c->row->args[i].kind != ARG_END; i++) {
        add(&l, "%s", i ? "," : "");
        add_arg(&l, c, i);
    }
    add(&l, ")");
    if (c->row->flags & CALL_NO_RETURN) {
        add(&l, "\n");
    }
    write_line(c->t, l.text, c->row->flags & CALL_NO_RETURN);
}

void strace_leave(const struct call *c, int64_t result)
{
    struct line l = {0};

    if (unfinished != c->t->tid) {
        add(&l, "%d <... %s resumed>", c->t->tid, c->row->name);
    }
    if (result == USER_RESTART) {
        add(&l, " = ? (to be restarted)\n");
    } else if (result == USER_NO_RESULT) {
        add(&l, " = ?\n");
    } else if (call_failed(result)) {
        add(&l, " = -1 errno=%d (%s)\n", (int)-result, strerror(-result));
    } else if (c->row->flags & CALL_RESULT_HEX) {
        add(&l, " = 0x%0*llx\n", call_is_64(c) ? 16 : 8, (unsigned long long)result);
    } else {
        add(&l, " = %lld\n", (long long)result);
    }
    write_line(c->t, l.text, true);
}

void strace_unknown(const struct task *t, int64_t num, const int64_t args[CALL_ARGS])
{
    log_printf("%d unknown system call %lld(0x%llx,0x%llx,0x%llx,0x%llx,0x%llx,0x%llx)\n", t->tid,
               (long long)num, (long long)args[0], (long long)args[1], (long long)args[2],
               (long long)args[3], (long long)args[4], (long long)args[5]);
}
