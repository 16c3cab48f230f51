/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 9P2000.L server: files by number, names and attributes, the table of requests. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/virtio/9p.h"

enum { TYPE_ERROR = 7, FIDS_MAX = 65536, WALK_MAX = 16, UNLINK_FOLDER = 0x200, LOCK_SUCCESS = 0 };
/* What Tgetattr and Tsetattr are about. */
enum { GETATTR_BASIC = 0x7ff, SET_MODE = 1, SET_UID = 2, SET_GID = 4, SET_SIZE = 8,
       SET_ATIME = 0x10, SET_MTIME = 0x20, SET_ATIME_VALUE = 0x80, SET_MTIME_VALUE = 0x100 };

/* --- files by number ------------------------------------------------------------------------- */

static struct p9_fid *by_number(struct p9_server *p, uint32_t number)
{
    return g_hash_table_lookup(p->fids, GUINT_TO_POINTER(number));
}

struct p9_fid *p9_find(struct p9_server *p, struct p9_message *m)
{
    uint32_t number = (uint32_t)p9_get(m, 4);

    return m->bad ? NULL : by_number(p, number);
}

static struct p9_fid *add_fid(struct p9_server *p, uint32_t number, const char *path, uint32_t uid)
{
    struct p9_fid *f;

    if (by_number(p, number) || g_hash_table_size(p->fids) >= FIDS_MAX) {
        return NULL;
    }
    f = g_new0(struct p9_fid, 1);
    f->path = g_strdup(path);
    f->fd = -1;
    f->uid = uid;
    g_hash_table_insert(p->fids, GUINT_TO_POINTER(number), f);
    return f;
}

static void forget(struct p9_server *p, uint32_t number)
{
    struct p9_fid *f = by_number(p, number);

    p9_close(p, f);
    g_hash_table_remove(p->fids, GUINT_TO_POINTER(number));
    g_free(f->path);
    g_free(f);
}

/* The path of a name in the folder of a file. */
static int join(char *path, const char *folder, const char *name)
{
    size_t length = strlen(folder);

    if (!share_good_name(name)) {
        return -EINVAL;
    }
    if (length + strlen(name) + 2 > P9_PATH_MAX) {
        return -ENAMETOOLONG;
    }
    memcpy(path, folder, length);
    path[length] = '/';
    strcpy(path + length + (length != 0), name);
    return 0;
}

/* Reads a number of a folder and a name in it. */
static int get_place(struct p9_server *p, struct p9_message *m, char *path, struct p9_fid **folder)
{
    char name[P9_NAME_MAX];

    *folder = p9_find(p, m);
    p9_get_text(m, name, sizeof(name));
    return *folder ? join(path, (*folder)->path, name) : -EBADF;
}

/* --- sessions -------------------------------------------------------------------------------- */

static int version(struct p9_server *p, struct p9_message *m)
{
    uint32_t size = (uint32_t)p9_get(m, 4);
    char text[32];

    p9_get_text(m, text, sizeof(text));
    if (size < 4096) {
        return -EINVAL;
    }
    p9_reset(p);
    p->message_max = MIN_OF(size, (uint32_t)P9_MESSAGE_MAX);
    p9_put(m, 4, p->message_max);
    if (strcmp(text, "9P2000.L") != 0) {
        strcpy(text, "unknown");
    }
    p9_put_text(m, text, strlen(text));
    return 0;
}

static int attach(struct p9_server *p, struct p9_message *m)
{
    uint32_t number = (uint32_t)p9_get(m, 4), uid;
    char text[P9_PATH_MAX];
    struct stat st;
    int rc;

    p9_get(m, 4);
    p9_get_text(m, text, sizeof(text));
    p9_get_text(m, text, sizeof(text));
    uid = (uint32_t)p9_get(m, 4);
    rc = share_stat(p->share, "", &st);
    if (rc < 0) {
        return rc;
    }
    p9_put_qid(p, m, &st);
    return add_fid(p, number, "", uid) ? 0 : -EBADF;
}

static int flush(struct p9_server *p, struct p9_message *m)
{
    return 0;                        /* whatever it names was answered already */
}

static int clunk(struct p9_server *p, struct p9_message *m)
{
    uint32_t number = (uint32_t)p9_get(m, 4);

    if (m->bad || !by_number(p, number)) {
        return -EBADF;
    }
    forget(p, number);
    return 0;
}

/* --- names ----------------------------------------------------------------------------------- */

/* One step of a walk; ".." of the share is the share. */
static int step(struct p9_server *p, struct p9_message *m, char *path, struct stat *st)
{
    char name[P9_NAME_MAX], next[P9_PATH_MAX];
    char *slash = strrchr(path, '/');
    int rc = 0;

    p9_get_text(m, name, sizeof(name));
    if (m->bad) {
        return -EINVAL;
    }
    if (strcmp(name, "..") == 0) {
        *(slash ? slash : path) = 0;
    } else if (strcmp(name, ".") != 0) {
        rc = join(next, path, name);
        if (rc == 0) {
            strcpy(path, next);
        }
    }
    return rc < 0 ? rc : share_stat(p->share, path, st);
}

static int walk(struct p9_server *p, struct p9_message *m)
{
    uint32_t from = (uint32_t)p9_get(m, 4), to = (uint32_t)p9_get(m, 4);
    struct p9_fid *f = by_number(p, from);
    unsigned count = (unsigned)p9_get(m, 2), done = 0;
    char path[P9_PATH_MAX];
    size_t count_at = m->out_size;
    int rc = 0;

    if (!f || m->bad || count > WALK_MAX || (to != from && by_number(p, to))) {
        return -EBADF;
    }
    if (to == from && f->fd >= 0) {
        return -EBUSY;
    }
    strcpy(path, f->path);
    p9_put(m, 2, 0);
    for (; done < count; done++) {
        struct stat st;

        rc = step(p, m, path, &st);
        if (rc < 0) {
            break;
        }
        p9_put_qid(p, m, &st);
    }
    st16_le(m->out + count_at, (uint16_t)done);
    if (done < count) {
        return done ? 0 : rc;        /* a part of the way: no file is made */
    }
    if (to == from) {
        g_free(f->path);
        f->path = g_strdup(path);
    } else if (!add_fid(p, to, path, f->uid)) {
        return -ENFILE;
    }
    return 0;
}

static int readlink_request(struct p9_server *p, struct p9_message *m)
{
    struct p9_fid *f = p9_find(p, m);
    char target[P9_PATH_MAX];
    int rc = f ? share_readlink(p->share, f->path, target, sizeof(target)) : -EBADF;

    if (rc >= 0) {
        p9_put_text(m, target, (size_t)rc);
    }
    return MIN_OF(rc, 0);
}

/* Files below what was renamed have other paths now. */
static void rename_fids(struct p9_server *p, const char *from, const char *to)
{
    size_t length = strlen(from);
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, p->fids);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct p9_fid *f = value;

        if (strncmp(f->path, from, length) == 0 &&
            (f->path[length] == 0 || f->path[length] == '/')) {
            char *path = g_strconcat(to, f->path + length, NULL);

            g_free(f->path);
            f->path = path;
        }
    }
}

static int rename_paths(struct p9_server *p, const char *from, const char *to)
{
    char *old = g_strdup(from);
    int rc = *from ? share_rename(p->share, from, to) : -EBUSY;

    if (rc == 0) {
        rename_fids(p, old, to);
    }
    g_free(old);
    return rc;
}

static int rename_request(struct p9_server *p, struct p9_message *m)
{
    struct p9_fid *f = p9_find(p, m), *folder;
    char to[P9_PATH_MAX];
    int rc = get_place(p, m, to, &folder);

    return rc < 0 ? rc : f ? rename_paths(p, f->path, to) : -EBADF;
}

static int renameat_request(struct p9_server *p, struct p9_message *m)
{
    char from[P9_PATH_MAX], to[P9_PATH_MAX];
    struct p9_fid *folder;
    int rc = get_place(p, m, from, &folder);

    if (rc == 0) {
        rc = get_place(p, m, to, &folder);
    }
    return rc < 0 ? rc : rename_paths(p, from, to);
}

static int unlinkat_request(struct p9_server *p, struct p9_message *m)
{
    char path[P9_PATH_MAX];
    struct p9_fid *folder;
    int rc = get_place(p, m, path, &folder);
    uint32_t flags = (uint32_t)p9_get(m, 4);

    if (m->bad) {
        return -EINVAL;
    }
    return rc < 0 ? rc : share_remove(p->share, path, flags & UNLINK_FOLDER);
}

/* The number is gone even if the file is not. */
static int remove_request(struct p9_server *p, struct p9_message *m)
{
    uint32_t number = (uint32_t)p9_get(m, 4);
    struct p9_fid *f = by_number(p, number);
    struct stat st;
    int rc;

    if (m->bad || !f) {
        return -EBADF;
    }
    rc = *f->path ? share_stat(p->share, f->path, &st) : -EBUSY;
    if (rc == 0) {
        rc = share_remove(p->share, f->path, S_ISDIR(st.st_mode));
    }
    forget(p, number);
    return rc;
}

static int link_request(struct p9_server *p, struct p9_message *m)
{
    struct p9_fid *folder = p9_find(p, m), *f = p9_find(p, m);
    char name[P9_NAME_MAX], path[P9_PATH_MAX];
    int rc;

    p9_get_text(m, name, sizeof(name));
    if (!folder || !f) {
        return -EBADF;
    }
    rc = join(path, folder->path, name);
    return rc < 0 ? rc : share_link(p->share, f->path, path);
}

/* --- new files ------------------------------------------------------------------------------- */

/* Makes it and answers with its qid. */
static int make(struct p9_server *p, struct p9_message *m, const char *path,
                const struct share_new *what)
{
    struct stat st;
    int rc = m->bad ? -EINVAL : share_make(p->share, path, what, O_RDONLY | O_EXCL);

    if (rc >= 0) {
        rc = share_stat(p->share, path, &st);
    }
    if (rc >= 0) {
        p9_put_qid(p, m, &st);
    }
    return MIN_OF(rc, 0);
}

static int mkdir_request(struct p9_server *p, struct p9_message *m)
{
    char path[P9_PATH_MAX];
    struct p9_fid *folder;
    int rc = get_place(p, m, path, &folder);
    struct share_new what = { .mode = S_IFDIR | ((uint32_t)p9_get(m, 4) & 07777) };

    what.gid = (uint32_t)p9_get(m, 4);
    if (rc < 0) {
        return rc;
    }
    what.uid = folder->uid;
    return make(p, m, path, &what);
}

static int symlink_request(struct p9_server *p, struct p9_message *m)
{
    char path[P9_PATH_MAX], target[P9_PATH_MAX];
    struct p9_fid *folder;
    int rc = get_place(p, m, path, &folder);
    struct share_new what = { .mode = S_IFLNK | 0777, .target = target };

    p9_get_text(m, target, sizeof(target));
    what.gid = (uint32_t)p9_get(m, 4);
    if (rc < 0) {
        return rc;
    }
    what.uid = folder->uid;
    return make(p, m, path, &what);
}

static int mknod_request(struct p9_server *p, struct p9_message *m)
{
    char path[P9_PATH_MAX];
    struct p9_fid *folder;
    int rc = get_place(p, m, path, &folder);
    struct share_new what = { .mode = (uint32_t)p9_get(m, 4) };
    uint32_t major = (uint32_t)p9_get(m, 4), minor = (uint32_t)p9_get(m, 4);

    what.rdev = makedev(major, minor);
    what.gid = (uint32_t)p9_get(m, 4);
    if (rc < 0) {
        return rc;
    }
    if (S_ISREG(what.mode) || S_ISDIR(what.mode) || S_ISLNK(what.mode)) {
        return -EINVAL;
    }
    what.uid = folder->uid;
    return make(p, m, path, &what);
}

/* The folder's number becomes the new file's. */
static int create_request(struct p9_server *p, struct p9_message *m)
{
    char path[P9_PATH_MAX];
    struct p9_fid *f;
    int rc = get_place(p, m, path, &f);
    uint32_t flags = (uint32_t)p9_get(m, 4);
    struct share_new what = { .mode = S_IFREG | ((uint32_t)p9_get(m, 4) & 07777) };

    what.gid = (uint32_t)p9_get(m, 4);
    if (rc < 0 || m->bad || f->fd >= 0 || p->open_files >= p->open_max) {
        return rc < 0 ? rc : m->bad ? -EINVAL : f->fd >= 0 ? -EBADF : -ENFILE;
    }
    what.uid = f->uid;
    rc = share_make(p->share, path, &what, (int)flags);
    if (rc < 0) {
        return rc;
    }
    g_free(f->path);
    f->path = g_strdup(path);
    return p9_opened(p, f, rc, m);
}

/* --- attributes ------------------------------------------------------------------------------ */

static int getattr(struct p9_server *p, struct p9_message *m)
{
    struct p9_fid *f = p9_find(p, m);
    struct stat st;
    int rc = f ? share_stat(p->share, f->path, &st) : -EBADF;

    if (rc < 0) {
        return rc;
    }
    p9_put(m, 8, GETATTR_BASIC);
    p9_put_qid(p, m, &st);
    p9_put(m, 4, st.st_mode);
    p9_put(m, 4, st.st_uid);
    p9_put(m, 4, st.st_gid);
    p9_put(m, 8, st.st_nlink);
    p9_put(m, 8, st.st_rdev);
    p9_put(m, 8, (uint64_t)st.st_size);
    p9_put(m, 8, (uint64_t)st.st_blksize);
    p9_put(m, 8, (uint64_t)st.st_blocks);
    for (const struct timespec *t = &st.st_atim, *end = t + 3; t < end; t++) {
        p9_put(m, 8, (uint64_t)t->tv_sec);
        p9_put(m, 8, (uint64_t)t->tv_nsec);
    }
    for (unsigned i = 0; i < 4; i++) {
        p9_put(m, 8, 0);             /* birth, generation, data version */
    }
    return 0;
}

static struct timespec get_time(struct p9_message *m, uint32_t valid, uint32_t now, uint32_t value)
{
    struct timespec t = { .tv_sec = (time_t)p9_get(m, 8) };

    t.tv_nsec = (long)p9_get(m, 8);
    if (!(valid & value)) {
        t.tv_nsec = valid & now ? UTIME_NOW : UTIME_OMIT;
    } else if (t.tv_nsec >= 1000000000 || t.tv_nsec < 0) {
        t.tv_nsec = 0;
    }
    return t;
}

static int setattr(struct p9_server *p, struct p9_message *m)
{
    struct p9_fid *f = p9_find(p, m);
    uint32_t valid = (uint32_t)p9_get(m, 4), mode = (uint32_t)p9_get(m, 4);
    uint32_t uid = (uint32_t)p9_get(m, 4), gid = (uint32_t)p9_get(m, 4);
    uint64_t size = p9_get(m, 8);
    struct timespec times[2];
    int rc = 0;

    times[0] = get_time(m, valid, SET_ATIME, SET_ATIME_VALUE);
    times[1] = get_time(m, valid, SET_MTIME, SET_MTIME_VALUE);
    if (!f || m->bad) {
        return f ? -EINVAL : -EBADF;
    }
    if (valid & SET_MODE) {
        rc = share_chmod(p->share, f->path, mode);
    }
    if (!rc && valid & (SET_UID | SET_GID)) {
        rc = share_chown(p->share, f->path, valid & SET_UID ? uid : UINT32_MAX,
                         valid & SET_GID ? gid : UINT32_MAX);
    }
    if (!rc && valid & SET_SIZE) {
        rc = share_truncate(p->share, f->path, size);
    }
    if (!rc && valid & (SET_ATIME | SET_MTIME)) {
        rc = share_utimes(p->share, f->path, times);
    }
    return rc;
}

static int statfs_request(struct p9_server *p, struct p9_message *m)
{
    struct statfs st;
    int rc = p9_find(p, m) ? share_statfs(p->share, &st) : -EBADF;

    if (rc < 0) {
        return rc;
    }
    p9_put(m, 4, (uint64_t)st.f_type);
    p9_put(m, 4, (uint64_t)st.f_bsize);
    p9_put(m, 8, st.f_blocks);
    p9_put(m, 8, st.f_bfree);
    p9_put(m, 8, st.f_bavail);
    p9_put(m, 8, st.f_files);
    p9_put(m, 8, st.f_ffree);
    p9_put(m, 8, 0);
    p9_put(m, 4, (uint64_t)st.f_namelen);
    return 0;
}

/* Locks are between processes of the guest, which keeps them itself. */
static int lock(struct p9_server *p, struct p9_message *m)
{
    p9_put(m, 1, LOCK_SUCCESS);
    return p9_find(p, m) ? 0 : -EBADF;
}

static int getlock(struct p9_server *p, struct p9_message *m)
{
    struct p9_fid *f = p9_find(p, m);
    uint64_t start, length;
    uint32_t process;
    char client[P9_NAME_MAX];

    p9_get(m, 1);
    start = p9_get(m, 8);
    length = p9_get(m, 8);
    process = (uint32_t)p9_get(m, 4);
    p9_get_text(m, client, sizeof(client));
    p9_put(m, 1, F_UNLCK);
    p9_put(m, 8, start);
    p9_put(m, 8, length);
    p9_put(m, 4, process);
    p9_put_text(m, client, strlen(client));
    return f ? 0 : -EBADF;
}

/* --- the table ------------------------------------------------------------------------------- */

/* Authentication (102) and extended attributes (30, 32) are not there. */
static const struct {
    uint8_t type;
    bool changes;
    int (*run)(struct p9_server *p, struct p9_message *m);
} requests[] = {
    { 8, false, statfs_request }, { 12, false, p9_open }, { 14, true, create_request },
    { 16, true, symlink_request }, { 18, true, mknod_request }, { 20, true, rename_request },
    { 22, false, readlink_request }, { 24, false, getattr }, { 26, true, setattr },
    { 40, false, p9_readdir }, { 50, false, p9_fsync }, { 52, false, lock },
    { 54, false, getlock }, { 70, true, link_request }, { 72, true, mkdir_request },
    { 74, true, renameat_request }, { 76, true, unlinkat_request }, { 100, false, version },
    { 104, false, attach }, { 108, false, flush }, { 110, false, walk }, { 116, false, p9_read },
    { 118, true, p9_write }, { 120, false, clunk }, { 122, true, remove_request },
};

static int run(struct p9_server *p, struct p9_message *m, uint8_t type)
{
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        if (requests[i].type == type) {
            return requests[i].changes && p->share->readonly ? -EROFS : requests[i].run(p, m);
        }
    }
    return -EOPNOTSUPP;
}

void p9_answer(struct p9_server *p, struct p9_message *m)
{
    uint8_t type;
    uint16_t tag;
    int rc;

    m->at = P9_HEADER;
    m->out_size = 0;
    m->out_max = MIN_OF(m->out_max, (size_t)p->message_max);
    if (m->in_size < P9_HEADER || ld32_le(m->in) > m->in_size ||
        m->out_max < P9_HEADER + 4) {
        log_guest_error("virtio-9p: a message of %zu bytes", m->in_size);
        return;
    }
    m->in_size = ld32_le(m->in);
    type = m->in[4];
    tag = ld16_le(m->in + 5);
    m->bad = m->in_size < P9_HEADER;
    m->out_size = P9_HEADER;
    rc = m->bad ? -EINVAL : run(p, m, type);
    if (rc == 0 && m->bad) {
        rc = -EINVAL;
    }
    trace(p9_request, "type %u result %d", type, rc);
    if (rc < 0) {
        type = TYPE_ERROR - 1;
        m->out_size = P9_HEADER;
        m->bad = false;
        p9_put(m, 4, (uint64_t)-rc);
    }
    st32_le(m->out, (uint32_t)m->out_size);
    m->out[4] = (uint8_t)(type + 1);
    st16_le(m->out + 5, tag);
}

/* --- life ------------------------------------------------------------------------------------ */

void p9_init(struct p9_server *p, struct share *share)
{
    struct rlimit limit;

    *p = (struct p9_server){ .share = share, .message_max = P9_MESSAGE_MAX };
    p->fids = g_hash_table_new(NULL, NULL);
    /* The emulator needs descriptors, too. */
    p->open_max = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1u << 20
        ? (unsigned)limit.rlim_cur / 2 : 1u << 19;
}

void p9_reset(struct p9_server *p)
{
    GList *numbers = g_hash_table_get_keys(p->fids);

    for (GList *at = numbers; at; at = at->next) {
        forget(p, GPOINTER_TO_UINT(at->data));
    }
    g_list_free(numbers);
    p->message_max = P9_MESSAGE_MAX;
}

void p9_fini(struct p9_server *p)
{
    p9_reset(p);
    g_hash_table_destroy(p->fids);
}

bool p9_in_use(const struct p9_server *p)
{
    return g_hash_table_size(p->fids) != 0;
}
