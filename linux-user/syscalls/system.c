/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers for what the machine says of itself, mounts, quotas,
   keys and programs for the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

int64_t call_eperm(struct call *c)
{
    return -EPERM;
}

/* --- uname ----------------------------------------------------------------------------------- */

enum { NAME = 65, OLD_NAME = 9, NAMES = 6, OLD_NAMES = 5 };

static void names(const struct call *c, struct utsname *u)
{
    host_syscall(SYS_uname, u);
    snprintf(u->machine, sizeof(u->machine), "%s", c->t->abi->name);
    if (user_options.uname_release) {
        snprintf(u->release, sizeof(u->release), "%s", user_options.uname_release);
    }
}

static int64_t put_names(struct call *c, unsigned count, unsigned size)
{
    struct utsname u;
    char out[NAMES * NAME] = {0};

    names(c, &u);
    for (unsigned i = 0; i < count; i++) {
        memcpy(out + i * size, (const char *)&u + i * NAME, size - 1);
    }
    if (call_range(c->a[0], count * size) || !user_write(c->a[0], out, count * size)) {
        return -EFAULT;
    }
    return 0;
}

int64_t call_uname(struct call *c)
{
    return put_names(c, NAMES, NAME);
}

int64_t call_olduname(struct call *c)
{
    return put_names(c, OLD_NAMES, NAME);
}

int64_t call_oldolduname(struct call *c)
{
    return put_names(c, OLD_NAMES, OLD_NAME);
}

/* --- sysinfo --------------------------------------------------------------------------------- */

/* Amounts that do not fit the guest's long are told in larger units. */
static void scale_memory(struct sysinfo *info)
{
    unsigned shift = 0;

    while (shift < 12 && (info->totalram >> shift > UINT32_MAX ||
                          info->totalswap >> shift > UINT32_MAX)) {
        shift++;
    }
    unsigned long *amounts[] = {&info->totalram, &info->freeram, &info->sharedram, &info->bufferram,
                                &info->totalswap, &info->freeswap, &info->totalhigh,
                                &info->freehigh};
    for (unsigned i = 0; i < ARRAY_LEN(amounts); i++) {
        *amounts[i] >>= shift;
    }
    info->mem_unit <<= shift;
}

int64_t call_sysinfo(struct call *c)
{
    struct sysinfo info;
    int64_t err = host_syscall(SYS_sysinfo, &info);

    if (err) {
        return err;
    }
    if (!call_is_64(c)) {
        scale_memory(&info);
    }
    return call_put(&thunk_sysinfo, c->a[0], &info);
}

/* --- file system types, mounts and quotas ---------------------------------------------------- */

int64_t call_sysfs(struct call *c)
{
    enum { NAME_TO_INDEX = 1, INDEX_TO_NAME = 2 };
    const char *text;

    if (c->a[0] == NAME_TO_INDEX) {
        int64_t err = call_text(c->a[1], &text);
        return err ? err : host_syscall(SYS_sysfs, c->a[0], text);
    }
    if (c->a[0] == INDEX_TO_NAME) {
        if (call_range(c->a[2], 64)) {
            return -EFAULT;
        }
        return host_syscall(SYS_sysfs, c->a[0], c->a[1], user_out(c->a[2], 64));
    }
    return host_syscall(SYS_sysfs, c->a[0]);
}

static int64_t quota_host(struct call *c, const int64_t h[CALL_ARGS])
{
    char buf[PATH_MAX];
    const char *path = NULL;

    if (((uint32_t)c->a[0] >> SUBCMDSHIFT) == Q_QUOTAON) { /* the last argument is a file */
        int64_t err = call_path(c, c->a[3], true, &path, buf);
        if (err) {
            return err;
        }
    }
    return host_syscall(SYS_quotactl, h[0], h[1], h[2], path ? (intptr_t)path : h[3]);
}

int64_t call_quotactl(struct call *c)
{
    return call_pass_with(c, quota_host);
}

int64_t call_fsconfig(struct call *c)
{
    char buf[PATH_MAX];
    const char *value = NULL, *key = NULL;
    int64_t err = c->a[2] ? call_text(c->a[2], &key) : 0;

    if (!err && c->a[3]) {
        if (c->a[1] == FSCONFIG_SET_PATH || c->a[1] == FSCONFIG_SET_PATH_EMPTY) {
            err = call_path(c, c->a[3], true, &value, buf);
        } else {
            value = user_in(c->a[3]);
            err = call_range(c->a[3], c->a[1] == FSCONFIG_SET_BINARY ? c->a[4] : 1);
        }
    }
    return err ? err : host_syscall(SYS_fsconfig, c->a[0], c->a[1], key, value, c->a[4]);
}

/* --- keys ------------------------------------------------------------------------------------ */

/* How arguments 1 to 4 of each operation are meant: n number, t text, i bytes in and o bytes out,
   whose length follows. */
static const char *const key_args[] = {
    [KEYCTL_GET_KEYRING_ID] = "nn", [KEYCTL_JOIN_SESSION_KEYRING] = "t", [KEYCTL_UPDATE] = "nin",
    [KEYCTL_REVOKE] = "n", [KEYCTL_CHOWN] = "nnn", [KEYCTL_SETPERM] = "nn",
    [KEYCTL_DESCRIBE] = "non", [KEYCTL_CLEAR] = "n", [KEYCTL_LINK] = "nn", [KEYCTL_UNLINK] = "nn",
    [KEYCTL_SEARCH] = "nttn", [KEYCTL_READ] = "non", [KEYCTL_INSTANTIATE] = "ninn",
    [KEYCTL_NEGATE] = "nnn", [KEYCTL_SET_REQKEY_KEYRING] = "n", [KEYCTL_SET_TIMEOUT] = "nn",
    [KEYCTL_ASSUME_AUTHORITY] = "n", [KEYCTL_GET_SECURITY] = "non",
    [KEYCTL_SESSION_TO_PARENT] = "", [KEYCTL_REJECT] = "nnnn", [KEYCTL_INVALIDATE] = "n",
    [KEYCTL_GET_PERSISTENT] = "nn", [KEYCTL_RESTRICT_KEYRING] = "ntt", [KEYCTL_MOVE] = "nnnn",
    [KEYCTL_CAPABILITIES] = "on",
};

int64_t call_keyctl(struct call *c)
{
    uint64_t op = c->a[0];
    int64_t h[CALL_ARGS] = {op};

    if (op >= ARRAY_LEN(key_args) || !key_args[op]) {
        return -EOPNOTSUPP;
    }
    const char *form = key_args[op];
    for (unsigned i = 1; form[i - 1]; i++) {
        uint64_t v = c->a[i];
        char kind = form[i - 1];
        h[i] = v;
        if (kind == 'n' || !v) {
            h[i] = kind == 'n' ? (int64_t)v : 0;
            continue;
        }
        if (call_range(v, kind == 't' ? 1 : c->a[i + 1])) {
            return -EFAULT;
        }
        h[i] = (intptr_t)(kind == 'o' ? user_out(v, c->a[i + 1]) : user_ptr(v));
    }
    return call_host(c, SYS_keyctl, h[0], h[1], h[2], h[3], h[4], 0);
}

/* --- bpf ------------------------------------------------------------------------------------- */

/* Attributes have the same form everywhere, with 64-bit fields for pointers. Those need no change
   as long as the guest's addresses are the host's. */
int64_t call_bpf(struct call *c)
{
    union bpf_attr attr;
    uint64_t size = c->a[2];

    if (user_base) {
        return -EPERM;
    }
    if (size > sizeof(attr)) {
        return -E2BIG;
    }
    if (call_range(c->a[1], size)) {
        return -EFAULT;
    }
    return host_syscall(SYS_bpf, c->a[0], user_out(c->a[1], size), size);
}
