/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Structures of the host kernel's interface that no libc header names. */
#ifndef LINUX_USER_HOST_STRUCTS_H
#define LINUX_USER_HOST_STRUCTS_H

#include <linux/ioctl.h>
#include <stddef.h>
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

/* <drm/drm.h>, which is not installed everywhere. */
struct drm_version {
    int version_major, version_minor, version_patchlevel;
    size_t name_len;
    char *name;
    size_t date_len;
    char *date;
    size_t desc_len;
    char *desc;
};

struct drm_unique {
    size_t unique_len;
    char *unique;
};

#define DRM_IOCTL_VERSION _IOWR('d', 0x00, struct drm_version)
#define DRM_IOCTL_GET_UNIQUE _IOWR('d', 0x01, struct drm_unique)
#define DRM_IOCTL_GET_MAGIC _IOR('d', 0x02, uint32_t)
#define DRM_IOCTL_AUTH_MAGIC _IOW('d', 0x11, uint32_t)
#define DRM_IOCTL_SET_MASTER _IO('d', 0x1e)
#define DRM_IOCTL_DROP_MASTER _IO('d', 0x1f)

#endif
