/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Structures of the host kernel's interface that no libc header names. */
#ifndef LINUX_USER_HOST_STRUCTS_H
#define LINUX_USER_HOST_STRUCTS_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

/* Lone integers that calls point at. */
struct host_word32 {
    uint32_t v;
};

struct host_word64 {
    uint64_t v;
};

struct host_pair {
    int v[2];
};

struct host_timespec_pair {
    struct timespec v[2];
};

struct host_timeval_pair {
    struct timeval v[2];
};

struct host_ustat {
    int32_t f_tfree;
    uint64_t f_tinode;
    char f_fname[6], f_fpack[6];
};

struct host_cap_header {
    uint32_t version;
    int32_t pid;
};

#endif
