/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A folder of the host that a guest uses: names in it, attributes, and nothing outside of it.
 *
 * Paths are relative to the folder, "" is the folder itself, and their parts are never "." or "..".
 * They are resolved part by part and no symbolic link is followed, neither one that was there nor
 * one that appears meanwhile: links are for the guest. Results are 0 or more, or a negative errno.
 */
#ifndef HW_VIRTIO_SHARE_H
#define HW_VIRTIO_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

#include "base/error.h"

enum share_security {
    SHARE_NONE,          /* the guest's owners and modes where the host allows them */
    SHARE_PASSTHROUGH,   /* the same, and what the host refuses fails */
    SHARE_MAPPED         /* owners, modes and special files are kept in extended attributes */
};

struct share {
    char *id, *path;
    enum share_security security;
    bool readonly;
    int root;                        /* O_PATH; -1 until it is opened */
    dev_t device;
    struct share *next;
};

/* --- the list: -fsdev and -virtfs ------------------------------------------------------------ */

struct option_row;
bool share_add_option(void *unused, const struct option_row *row, const char *text,
                      struct error **err);
struct share *share_find(const char *id);
/* Devices for -virtfs, on the PCI bus. */
bool share_create_devices(struct error **err);

bool share_open(struct share *s, struct error **err);
void share_close(struct share *s);

/* --- files ----------------------------------------------------------------------------------- */

/* A name that can be in the folder. */
bool share_good_name(const char *name);
int share_stat(struct share *s, const char *path, struct stat *st);
/* A regular file or a folder; of `flags' the access mode, O_TRUNC and O_EXCL count. */
int share_file(struct share *s, const char *path, int flags);
int share_statfs(struct share *s, struct statfs *st);
/* At most `size' bytes, no zero behind them. */
int share_readlink(struct share *s, const char *path, char *target, size_t size);

/* What a new file is to be. */
struct share_new {
    uint32_t mode, uid, gid;
    uint64_t rdev;
    const char *target;              /* of a symbolic link */
};
/* Makes what the mode says; for a regular file the descriptor, open with `flags'. */
int share_make(struct share *s, const char *path, const struct share_new *what, int flags);
int share_link(struct share *s, const char *from, const char *to);
int share_rename(struct share *s, const char *from, const char *to);
int share_remove(struct share *s, const char *path, bool folder);
int share_chmod(struct share *s, const char *path, uint32_t mode);
/* UINT32_MAX leaves one as it is. */
int share_chown(struct share *s, const char *path, uint32_t uid, uint32_t gid);
int share_truncate(struct share *s, const char *path, uint64_t size);
int share_utimes(struct share *s, const char *path, const struct timespec times[2]);

#endif
