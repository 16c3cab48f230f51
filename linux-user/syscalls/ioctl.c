/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ioctl by table. 64-bit guests have the host's structures, so what the table does not know goes
 * through; for 32-bit ones it does only where a whole family of requests was made alike for both.
 */
#include <asm/ioctls.h>
#include <errno.h>
#include <linux/blkpg.h>
#include <linux/cdrom.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/kd.h>
#include <linux/loop.h>
#include <linux/msdos_fs.h>
#include <linux/nsfs.h>
#include <linux/perf_event.h>
#include <linux/random.h>
#include <linux/rtc.h>
#include <linux/serial.h>
#include <linux/sockios.h>
#include <linux/vt.h>
#include <sound/asound.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <asm/termbits.h>
#include "base/bits.h"
#include "base/log.h"
#include "linux-user/syscalls/call.h"
#include "linux-user/syscalls/host-structs.h"

enum ioctl_kind {
    KIND_NOTHING, KIND_VALUE, KIND_BYTES, KIND_LONG_BYTES, KIND_COUNTED, KIND_IN, KIND_OUT,
    KIND_INOUT, KIND_SPECIAL,
};

struct request {
    const char *name;
    uint32_t host;
    uint8_t kind;
    uint16_t size;                    /* BYTES, LONG_BYTES, COUNTED: the fixed part */
    uint8_t count_at, count_size, element; /* COUNTED: where the number of elements stands */
    const struct thunk_struct *layout;
    int64_t (*special)(struct call *c, const struct request *r);
};

typedef int64_t special_request(struct call *c, const struct request *r);
static special_request interfaces;

#define NOTHING .kind = KIND_NOTHING
#define VALUE .kind = KIND_VALUE
#define BYTES(n) .kind = KIND_BYTES, .size = (n)
#define LONG_BYTES(n) .kind = KIND_LONG_BYTES, .size = (n)
#define COUNTED(fixed, at, bytes, each)                                                            \
    .kind = KIND_COUNTED, .size = (fixed), .count_at = (at), .count_size = (bytes),                \
    .element = (each)
#define IN(s) .kind = KIND_IN, .layout = &thunk_##s
#define OUT(s) .kind = KIND_OUT, .layout = &thunk_##s
#define INOUT(s) .kind = KIND_INOUT, .layout = &thunk_##s
#define SPECIAL(function) .kind = KIND_SPECIAL, .special = function

static const struct request requests[] = {
#define IOCTL(name_, ...) {.name = #name_, .host = (uint32_t)name_, __VA_ARGS__},
#include "linux-user/syscalls/ioctls.def"
#undef IOCTL
};

const struct flag_set flags_ioctl = {(const struct flag[]){
#define IOCTL(name, ...) {#name, (uint64_t)(int32_t)name, ~0ull},
#include "linux-user/syscalls/ioctls.def"
#undef IOCTL
    {NULL}}};

/* The number by which a guest knows a request:
   where it counts a structure or a long, the guest's. */
static uint32_t guest_number(const struct request *r, unsigned word)
{
    unsigned size = _IOC_SIZE(r->host);

    if (r->kind == KIND_LONG_BYTES && size == sizeof(long)) {
        size = word;
    } else if (r->layout && size == r->layout->host_size) {
        size = r->layout->guest_size;
    }
    return (r->host & ~((uint32_t)_IOC_SIZEMASK << _IOC_SIZESHIFT)) | size << _IOC_SIZESHIFT;
}

/* All of a type's requests have structures without longs and pointers. */
static bool is_plain_type(unsigned type)
{
    switch (type) {
    case 'd':  /* DRM */
    case 'E':  /* input events */
    case 'W':  /* watchdogs, ALSA's raw MIDI version */
    case 'P':  /* OSS */
    case 'M':
    case 0x94: /* btrfs */
    case 0xaa: /* userfaultfd */
    case 0xfd: /* device mapper */
        return true;
    default:
        return false;
    }
}

static int64_t host_ioctl(struct call *c, uint32_t number, int64_t arg)
{
    return call_host(c, SYS_ioctl, c->a[0], number, arg, 0, 0, 0);
}

static int64_t bytes_request(struct call *c, uint32_t number, uint64_t size)
{
    if (!c->a[2]) {
        return host_ioctl(c, number, 0);
    }
    if (call_range(c->a[2], size)) {
        return -EFAULT;
    }
    return host_ioctl(c, number, (intptr_t)(size ? user_out(c->a[2], size) : user_ptr(c->a[2])));
}

static int64_t counted_request(struct call *c, const struct request *r)
{
    char count[8];

    if (call_range(c->a[2], r->size) ||
        !user_read(count, c->a[2] + r->count_at, r->count_size)) {
        return -EFAULT;
    }
    uint64_t n = MIN_OF(thunk_get(count, r->count_size), 1u << 24);
    return bytes_request(c, r->host, r->size + n * r->element);
}

static int64_t struct_request(struct call *c, const struct request *r)
{
    char host[1024];
    int64_t result = r->kind != KIND_OUT ? call_get(r->layout, host, c->a[2]) : 0;

    if (result) {
        return result;
    }
    result = host_ioctl(c, r->host, (intptr_t)host);
    if (result >= 0 && r->kind != KIND_IN) {
        int64_t err = call_put(r->layout, c->a[2], host);
        result = err ? err : result;
    }
    return result;
}

/* SIOCGIFCONF: an array of interfaces, each as long as the ABI's struct ifreq. */
static int64_t interfaces(struct call *c, const struct request *r)
{
    struct ifconf conf;
    unsigned size = thunk_ifreq.guest_size;
    int64_t err = call_get(&thunk_ifconf, &conf, c->a[2]);

    if (err) {
        return err;
    }
    uint64_t to = conf.ifc_buf ? user_addr(conf.ifc_buf) : 0;
    int room = MAX_OF(conf.ifc_len, 0) / size;
    struct ifreq *list = to ? calloc(room + 1, sizeof(*list)) : NULL;
    char *buf = conf.ifc_buf;
    if (to && !list) {
        return -ENOMEM;
    }
    conf.ifc_len = room * sizeof(*list);
    conf.ifc_req = list;
    err = host_ioctl(c, r->host, (intptr_t)&conf);
    int n = conf.ifc_len / sizeof(*list);
    for (int i = 0; list && i < n && !err; i++) {
        err = call_put(&thunk_ifreq, to + i * size, &list[i]);
    }
    free(list);
    conf.ifc_len = n * size;
    conf.ifc_buf = buf;
    return err ? err : call_put(&thunk_ifconf, c->a[2], &conf);
}

static int64_t unlisted(struct call *c, uint32_t number)
{
    unsigned size = _IOC_SIZE(number);

    if (!call_is_64(c) && !is_plain_type(_IOC_TYPE(number))) {
        log_unimp("%s: ioctl 0x%08x is not in the table", c->t->abi->name, number);
        return -ENOTTY;
    }
    if (_IOC_DIR(number) == _IOC_NONE && user_base) {
        return host_ioctl(c, number, c->a[2]); /* most likely a number */
    }
    if (_IOC_DIR(number) == _IOC_NONE || !c->a[2] || call_range(c->a[2], size)) {
        return host_ioctl(c, number, c->a[2]);
    }
    return bytes_request(c, number, size);
}

int64_t call_ioctl(struct call *c)
{
    static uint32_t guest_numbers[ARRAY_LEN(requests)];
    uint32_t number = c->a[1];

    if (!guest_numbers[0]) { /* the first request's last, as other threads may look */
        for (unsigned i = ARRAY_LEN(requests); i-- > 0;) {
            __atomic_store_n(&guest_numbers[i],
                             guest_number(&requests[i], c->t->abi->word_bits / 8),
                             __ATOMIC_RELEASE);
        }
    }
    for (unsigned i = 0; i < ARRAY_LEN(requests); i++) {
        if (guest_numbers[i] != number) {
            continue;
        }
        const struct request *r = &requests[i];
        switch (r->kind) {
        case KIND_NOTHING:
        case KIND_VALUE:
            return host_ioctl(c, r->host, c->a[2]);
        case KIND_BYTES:
        case KIND_LONG_BYTES:
            return bytes_request(c, r->host, r->size);
        case KIND_COUNTED:
            return counted_request(c, r);
        case KIND_SPECIAL:
            return r->special(c, r);
        default:
            return struct_request(c, r);
        }
    }
    return unlisted(c, number);
}
