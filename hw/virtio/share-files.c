/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of a shared folder, reached through descriptors of their parents. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/bits.h"
#include "hw/virtio/share.h"

/* Attributes that keep what the guest thinks of a file; QEMU uses the same. */
#define KEY_UID "user.virtfs.uid"
#define KEY_GID "user.virtfs.gid"
#define KEY_MODE "user.virtfs.mode"
#define KEY_RDEV "user.virtfs.rdev"

static int result_of(int rc)
{
    return rc < 0 ? -errno : rc;
}

bool share_good_name(const char *name)
{
    return *name && !strchr(name, '/') && strlen(name) <= NAME_MAX && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

/* --- the way to a file ----------------------------------------------------------------------- */

/* A file named by the descriptor of its folder. */
struct place {
    int folder;
    char name[NAME_MAX + 1];         /* "." for the share itself */
};

/* Opens the folder that holds a path; to be closed by leave(). */
static int enter(struct share *s, const char *path, struct place *place)
{
    int folder = dup(s->root);

    strcpy(place->name, ".");
    while (folder >= 0 && *path) {
        size_t length = strcspn(path, "/");
        int next, error;

        if (length > NAME_MAX) {
            close(folder);
            return -ENAMETOOLONG;
        }
        memcpy(place->name, path, length);
        place->name[length] = 0;
        path += length;
        if (!*path) {
            break;
        }
        path++;
        next = openat(folder, place->name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
        error = errno;
        close(folder);
        errno = error;
        folder = next;
    }
    place->folder = folder;
    return result_of(folder);
}

static int leave(struct place *place, int rc)
{
    int result = result_of(rc);

    close(place->folder);
    return result;
}

/* The path of a descriptor for calls that have no form for descriptors without access. */
static const char *by_descriptor(int fd, char *text, size_t size)
{
    snprintf(text, size, "/proc/self/fd/%d", fd);
    return text;
}

static int open_path(const struct place *place)
{
    return openat(place->folder, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* --- kept attributes ------------------------------------------------------------------------- */

static bool get_kept(int fd, const char *key, void *value, size_t size)
{
    char path[40];

    return getxattr(by_descriptor(fd, path, sizeof(path)), key, value, size) == (ssize_t)size;
}

static int keep(int fd, const char *key, uint64_t value, size_t size)
{
    char path[40];
    uint8_t bytes[8];

    st64_le(bytes, value);
    return setxattr(by_descriptor(fd, path, sizeof(path)), key, bytes, size, 0);
}

static void apply_kept(const struct place *place, struct stat *st)
{
    uint8_t value[8];
    int fd = open_path(place);

    if (fd < 0) {
        return;
    }
    if (get_kept(fd, KEY_UID, value, 4)) {
        st->st_uid = ld32_le(value);
    }
    if (get_kept(fd, KEY_GID, value, 4)) {
        st->st_gid = ld32_le(value);
    }
    if (get_kept(fd, KEY_MODE, value, 4)) {
        st->st_mode = ld32_le(value);
    }
    if (get_kept(fd, KEY_RDEV, value, 8)) {
        st->st_rdev = ld64_le(value);
    }
    close(fd);
}

/* All of a new file's. */
static int keep_all(const struct place *place, const struct share_new *what)
{
    int fd = open_path(place), rc;

    if (fd < 0) {
        return -1;
    }
    rc = keep(fd, KEY_UID, what->uid, 4);
    rc = rc ? rc : keep(fd, KEY_GID, what->gid, 4);
    rc = rc ? rc : keep(fd, KEY_MODE, what->mode, 4);
    if (!rc && (S_ISCHR(what->mode) || S_ISBLK(what->mode))) {
        rc = keep(fd, KEY_RDEV, what->rdev, 8);
    }
    close(fd);
    return rc;
}

/* --- looking --------------------------------------------------------------------------------- */

int share_stat(struct share *s, const char *path, struct stat *st)
{
    struct place place;
    int rc = enter(s, path, &place);

    if (rc < 0) {
        return rc;
    }
    rc = fstatat(place.folder, place.name, st, AT_SYMLINK_NOFOLLOW);
    if (!rc && s->security == SHARE_MAPPED) {
        apply_kept(&place, st);
    }
    return leave(&place, rc);
}

/* Other files would block, or reach devices of the host. */
static int open_plain(const struct place *place, int flags, mode_t mode)
{
    int fd = openat(place->folder, place->name,
                    flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
    struct stat st;

    if (fd >= 0 && (fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))) {
        close(fd);
        errno = EACCES;
        return -1;
    }
    return fd;
}

int share_file(struct share *s, const char *path, int flags)
{
    struct place place;
    struct stat st;
    int rc = enter(s, path, &place);

    if (rc < 0) {
        return rc;
    }
    rc = fstatat(place.folder, place.name, &st, AT_SYMLINK_NOFOLLOW);
    if (!rc && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        errno = S_ISLNK(st.st_mode) ? ELOOP : EACCES;
        rc = -1;
    }
    return leave(&place, rc ? rc : open_plain(&place, flags & (O_ACCMODE | O_TRUNC), 0));
}

int share_statfs(struct share *s, struct statfs *st)
{
    return result_of(fstatfs(s->root, st));
}

/* Kept links are files that hold the target. */
static int read_kept_link(const struct place *place, char *target, size_t size)
{
    int fd = open_plain(place, O_RDONLY, 0), rc;

    if (fd < 0) {
        return -1;
    }
    rc = (int)pread(fd, target, size, 0);
    close(fd);
    return rc;
}

int share_readlink(struct share *s, const char *path, char *target, size_t size)
{
    struct place place;
    struct stat st;
    int rc = enter(s, path, &place);

    if (rc < 0) {
        return rc;
    }
    rc = (int)readlinkat(place.folder, place.name, target, size);
    if (rc < 0 && errno == EINVAL && s->security == SHARE_MAPPED &&
        fstatat(place.folder, place.name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        apply_kept(&place, &st);
        errno = EINVAL;
        rc = S_ISLNK(st.st_mode) ? read_kept_link(&place, target, size) : -1;
    }
    return leave(&place, rc);
}

/* --- making ---------------------------------------------------------------------------------- */

static int make_plain(const struct place *place, const struct share_new *what, int flags)
{
    mode_t mode = what->mode & 07777;

    switch (what->mode & S_IFMT) {
    case S_IFREG:
        return open_plain(place, (flags & (O_ACCMODE | O_TRUNC | O_EXCL)) | O_CREAT, mode);
    case S_IFDIR: return mkdirat(place->folder, place->name, mode);
    case S_IFLNK: return symlinkat(what->target, place->folder, place->name);
    default: return mknodat(place->folder, place->name, what->mode, what->rdev);
    }
}

static int make_kept(const struct place *place, const struct share_new *what, int flags)
{
    int fd;

    if (S_ISDIR(what->mode)) {
        return mkdirat(place->folder, place->name, 0700);
    }
    flags = S_ISREG(what->mode) ? flags & (O_ACCMODE | O_TRUNC | O_EXCL) : O_WRONLY | O_EXCL;
    fd = open_plain(place, flags | O_CREAT, 0600);
    if (fd >= 0 && !S_ISREG(what->mode)) {
        size_t length = what->target ? strlen(what->target) : 0;
        bool good = write(fd, what->target ? what->target : "", length) == (ssize_t)length;

        close(fd);
        fd = good ? 0 : -1;
    }
    return fd;
}

static int give_owner(struct share *s, const struct place *place, const struct share_new *what)
{
    int rc;

    if (s->security == SHARE_MAPPED) {
        return keep_all(place, what);
    }
    rc = fchownat(place->folder, place->name, what->uid, what->gid, AT_SYMLINK_NOFOLLOW);
    return s->security == SHARE_NONE ? 0 : rc;
}

static void take_back(const struct place *place, const struct share_new *what, int fd)
{
    int error = errno;

    if (S_ISREG(what->mode)) {
        close(fd);
    }
    unlinkat(place->folder, place->name, S_ISDIR(what->mode) ? AT_REMOVEDIR : 0);
    errno = error;
}

int share_make(struct share *s, const char *path, const struct share_new *what, int flags)
{
    struct place place;
    struct stat st;
    bool existed;
    int rc = enter(s, path, &place);

    if (rc < 0) {
        return rc;
    }
    existed = fstatat(place.folder, place.name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    rc = s->security == SHARE_MAPPED ? make_kept(&place, what, flags)
                                     : make_plain(&place, what, flags);
    if (rc >= 0 && !existed && give_owner(s, &place, what) != 0) {
        take_back(&place, what, rc);
        rc = -1;
    }
    return leave(&place, rc);
}

/* --- changing -------------------------------------------------------------------------------- */

static int two_places(struct share *s, const char *from, const char *to,
                      int (*act)(const struct place *a, const struct place *b))
{
    struct place a, b;
    int rc = enter(s, from, &a);

    if (rc < 0) {
        return rc;
    }
    rc = enter(s, to, &b);
    if (rc >= 0) {
        rc = leave(&b, act(&a, &b));
    }
    close(a.folder);
    return rc;
}

static int link_places(const struct place *a, const struct place *b)
{
    return linkat(a->folder, a->name, b->folder, b->name, 0);
}

static int rename_places(const struct place *a, const struct place *b)
{
    return renameat(a->folder, a->name, b->folder, b->name);
}

int share_link(struct share *s, const char *from, const char *to)
{
    return two_places(s, from, to, link_places);
}

int share_rename(struct share *s, const char *from, const char *to)
{
    return two_places(s, from, to, rename_places);
}

int share_remove(struct share *s, const char *path, bool folder)
{
    struct place place;
    int rc = enter(s, path, &place);

    if (rc < 0) {
        return rc;
    }
    return leave(&place, unlinkat(place.folder, place.name, folder ? AT_REMOVEDIR : 0));
}

/* Links have no mode of their own. */
static int change_mode(struct share *s, const struct place *place, uint32_t mode)
{
    int fd = open_path(place), rc = -1;
    struct stat st;
    char path[40];

    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &st) == 0) {
        if (s->security == SHARE_MAPPED) {
            apply_kept(place, &st);
            rc = keep(fd, KEY_MODE, (st.st_mode & S_IFMT) | (mode & 07777), 4);
        } else if (S_ISLNK(st.st_mode)) {
            errno = EOPNOTSUPP;
        } else {
            rc = chmod(by_descriptor(fd, path, sizeof(path)), mode & 07777);
        }
    }
    close(fd);
    return rc;
}

int share_chmod(struct share *s, const char *path, uint32_t mode)
{
    struct place place;
    int rc = enter(s, path, &place);

    return rc < 0 ? rc : leave(&place, change_mode(s, &place, mode));
}

static int keep_owner(const struct place *place, uint32_t uid, uint32_t gid)
{
    int fd = open_path(place), rc = 0;

    if (fd < 0) {
        return -1;
    }
    if (uid != UINT32_MAX) {
        rc = keep(fd, KEY_UID, uid, 4);
    }
    if (!rc && gid != UINT32_MAX) {
        rc = keep(fd, KEY_GID, gid, 4);
    }
    close(fd);
    return rc;
}

int share_chown(struct share *s, const char *path, uint32_t uid, uint32_t gid)
{
    struct place place;
    int rc = enter(s, path, &place);

    if (rc < 0) {
        return rc;
    }
    if (s->security == SHARE_MAPPED) {
        rc = keep_owner(&place, uid, gid);
    } else {
        rc = fchownat(place.folder, place.name, uid, gid, AT_SYMLINK_NOFOLLOW);
        rc = s->security == SHARE_NONE ? 0 : rc;
    }
    return leave(&place, rc);
}

int share_truncate(struct share *s, const char *path, uint64_t size)
{
    int fd = share_file(s, path, O_WRONLY), rc;

    if (fd < 0) {
        return fd;
    }
    rc = result_of(ftruncate(fd, (off_t)size));
    close(fd);
    return rc;
}

int share_utimes(struct share *s, const char *path, const struct timespec times[2])
{
    struct place place;
    int rc = enter(s, path, &place);

    if (rc < 0) {
        return rc;
    }
    return leave(&place, utimensat(place.folder, place.name, times, AT_SYMLINK_NOFOLLOW));
}
