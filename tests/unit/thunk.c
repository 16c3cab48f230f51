/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thunk engine: layouts of three ABIs, both directions, overflow, and what is plain. */
#include "linux-user/syscalls/thunk.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <time.h>

#include "base/bits.h"
#include "linux-user/user.h"
#include "tests/tap.h"

static const struct thunk_abi x86_64 = {8, 8, false}, i386 = {4, 4, false}, arm = {4, 8, false},
                              sparc = {4, 8, true};

static void sizes(void)
{
    static const struct {
        struct thunk_struct *s;
        unsigned x86_64, i386, arm;
        bool plain; /* for x86_64 */
    } known[] = {
        {&thunk_timespec, 16, 8, 8, true},       {&thunk_timespec64, 16, 16, 16, true},
        {&thunk_stat, 144, 80, 80, true},        {&thunk_statfs, 120, 64, 64, true},
        {&thunk_statfs64, 120, 84, 88, true},    {&thunk_rusage, 144, 72, 72, true},
        {&thunk_sysinfo, 112, 64, 64, true},     {&thunk_flock64, 32, 24, 32, true},
        {&thunk_msghdr, 56, 28, 28, true},       {&thunk_sigevent, 64, 64, 64, true},
        {&thunk_timex, 208, 128, 128, true},     {&thunk_iovec, 16, 8, 8, true},
        {&thunk_mq_attr, 64, 32, 32, true},      {&thunk_pollfd, 8, 8, 8, true},
        {&thunk_shmid, 112, 72, 72, true},       {&thunk_ifreq, 40, 32, 32, true},
        {&thunk_pcm_hw_params, 608, 604, 604, true}, {&thunk_rtentry, 120, 84, 84, true},
    };
    unsigned n = ARRAY_LEN(known);

    thunk_init(&x86_64, 0);
    for (unsigned i = 0; i < n; i++) {
        ok(known[i].s->guest_size == known[i].x86_64 && known[i].s->plain == known[i].plain,
           "%s for x86_64", known[i].s->name);
    }
    thunk_init(&i386, 0);
    for (unsigned i = 0; i < n; i++) {
        is_int(known[i].s->guest_size, known[i].i386, known[i].s->name);
    }
    thunk_init(&arm, 0);
    for (unsigned i = 0; i < n; i++) {
        is_int(known[i].s->guest_size, known[i].arm, known[i].s->name);
    }
}

static void integers(void)
{
    struct timespec t = {-2, 999999999}, back;
    char guest[64];

    thunk_init(&i386, 0);
    ok(thunk_to_guest(&thunk_timespec, guest, &t), "a time in 32 bits");
    is_int((int32_t)ld32_le(guest), -2, "negative seconds");
    thunk_to_host(&thunk_timespec, &back, guest);
    is_int(back.tv_sec, -2, "sign extended on the way back");
    is_int(back.tv_nsec, 999999999, "nanoseconds");
    st64_le(guest, 5);
    st64_le(guest + 8, 0xdeadbeef00000007ull);
    thunk_to_host(&thunk_timespec64, &back, guest);
    is_int(back.tv_nsec, 7, "the upper half of 32-bit guests' nanoseconds does not count");
    thunk_init(&sparc, 0);
    thunk_to_guest(&thunk_timespec, guest, &t);
    is_int((int32_t)ld32_be(guest), -2, "big-endian seconds");
    thunk_to_host(&thunk_timespec, &back, guest);
    is_int(back.tv_nsec, 999999999, "big-endian nanoseconds");
    ok(!thunk_u32.plain, "nothing of several bytes is plain in another byte order");
}

static void pointers(void)
{
    struct iovec v;
    char guest[16];

    thunk_init(&i386, 0x100000000);
    st32_le(guest, 0x2000);
    st32_le(guest + 4, 77);
    thunk_to_host(&thunk_iovec, &v, guest);
    is_int((uintptr_t)v.iov_base, 0x100002000, "a pointer gains the base");
    is_int(v.iov_len, 77, "the length after it");
    thunk_to_guest(&thunk_iovec, guest, &v);
    is_int(ld32_le(guest), 0x2000, "and loses it");
    st32_le(guest, 0);
    thunk_to_host(&thunk_iovec, &v, guest);
    ok(v.iov_base == NULL, "NULL stays NULL");
    thunk_init(&x86_64, 0x10000);
    ok(!thunk_iovec.plain && thunk_timespec.plain,
       "a base makes pointers, and only them, not plain");
}

static void overflow(void)
{
    struct stat st = {.st_size = 1ll << 31, .st_ino = 5, .st_uid = 70000,
                      .st_mode = S_IFREG | 0644};
    char guest[160];

    thunk_init(&i386, 0);
    ok(!thunk_to_guest(&thunk_stat_i386, guest, &st), "a size of 2 GiB does not fit the old stat");
    st.st_size--;
    ok(thunk_to_guest(&thunk_stat_i386, guest, &st), "one less does");
    is_int(ld16_le(guest + 12), 65534, "a large user is the overflow one in 16 bits");
    is_int(ld32_le(guest + 20), 0x7fffffff, "the size");
    st.st_ino = 1ll << 40;
    ok(!thunk_to_guest(&thunk_stat_i386, guest, &st), "nor does a large inode number");
    st.st_size = 1ll << 40;
    ok(thunk_to_guest(&thunk_stat64_i386, guest, &st), "stat64 takes all of them");
    is_int(ld64_le(guest + 44), 1ll << 40, "the size");
    is_int(ld32_le(guest + 24), 70000, "the user");
    is_int(ld64_le(guest + 88), 1ll << 40, "the inode number at the end");
}

static void identifiers(void)
{
    uint32_t host = 0;
    char guest[2] = {(char)0xff, (char)0xff};

    thunk_init(&i386, 0);
    thunk_to_host(&thunk_id16, &host, guest);
    is_int(host, 0xffffffff, "no user at all in 16 bits");
    host = 1000;
    thunk_to_guest(&thunk_id16, guest, &host);
    is_int(ld16_le(guest), 1000, "a small one");
}

/* Every structure comes back from the guest as it went, as far as the guest's fields hold it. */
static void round_trips(void)
{
    static struct thunk_struct *const all[] = {
#define THUNK_STRUCT(name) &thunk_##name,
#include "linux-user/syscalls/structs.def"
#undef THUNK_STRUCT
    };
    static const struct thunk_abi *const abis[] = {&x86_64, &i386, &arm, &sparc};
    static char host[2048], first[2048], second[2048];
    bool good = true;

    for (unsigned a = 0; a < ARRAY_LEN(abis); a++) {
        thunk_init(abis[a], 0);
        for (unsigned i = 0; i < ARRAY_LEN(all); i++) {
            for (unsigned k = 0; k < sizeof(first); k++) {
                host[k] = k * 37 % 101;
            }
            thunk_to_guest(all[i], first, host);
            thunk_to_host(all[i], host, first);
            thunk_to_guest(all[i], second, host);
            if (memcmp(first, second, all[i]->guest_size) && !all[i]->plain) {
                good = false;
                printf("# %s of ABI %u\n", all[i]->name, a);
            }
        }
    }
    ok(good, "guest, host and guest again are the same");
}

int main(void)
{
    sizes();
    integers();
    pointers();
    overflow();
    identifiers();
    round_trips();
    return tap_done();
}
