/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 9P requests about open files: opening, reading, writing, listing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "hw/virtio/9p.h"

enum { QID_DIR = 0x80, QID_LINK = 0x02, QID_FILE = 0 };

/* --- messages -------------------------------------------------------------------------------- */

uint64_t p9_get(struct p9_message *m, unsigned size)
{
    const uint8_t *bytes = p9_get_bytes(m, size);

    return bytes ? ld_le(bytes, size) : 0;
}

const uint8_t *p9_get_bytes(struct p9_message *m, size_t size)
{
    if (m->bad || size > m->in_size - m->at) {
        m->bad = true;
        return NULL;
    }
    m->at += size;
    return m->in + m->at - size;
}

void p9_get_text(struct p9_message *m, char *text, size_t size)
{
    size_t length = (size_t)p9_get(m, 2);
    const uint8_t *bytes = p9_get_bytes(m, length);

    text[0] = 0;
    if (!bytes || length >= size || memchr(bytes, 0, length)) {
        m->bad = true;
        return;
    }
    memcpy(text, bytes, length);
    text[length] = 0;
}

uint8_t *p9_put_bytes(struct p9_message *m, size_t size)
{
    if (size > m->out_max - m->out_size) {
        m->bad = true;
        return NULL;
    }
    m->out_size += size;
    return m->out + m->out_size - size;
}

void p9_put(struct p9_message *m, unsigned size, uint64_t value)
{
    uint8_t *bytes = p9_put_bytes(m, size);

    if (bytes) {
        st_le(bytes, size, value);
    }
}

void p9_put_text(struct p9_message *m, const char *text, size_t size)
{
    uint8_t *bytes;

    p9_put(m, 2, size);
    bytes = p9_put_bytes(m, size);
    if (bytes) {
        memcpy(bytes, text, size);
    }
}

/* --- qids ------------------------------------------------------------------------------------ */

static void put_qid(struct p9_message *m, uint8_t type, uint32_t version, uint64_t inode)
{
    p9_put(m, 1, type);
    p9_put(m, 4, version);
    p9_put(m, 8, inode);
}

/* Files of other file systems below the share must not look like its own. */
void p9_put_qid(struct p9_server *p, struct p9_message *m, const struct stat *st)
{
    uint8_t type = S_ISDIR(st->st_mode) ? QID_DIR : S_ISLNK(st->st_mode) ? QID_LINK : QID_FILE;

    put_qid(m, type, (uint32_t)st->st_mtime ^ (uint32_t)st->st_size << 8,
            st->st_ino ^ (st->st_dev == p->share->device ? 0 : (uint64_t)st->st_dev << 48));
}

/* --- requests -------------------------------------------------------------------------------- */

void p9_close(struct p9_server *p, struct p9_fid *f)
{
    if (f->dir) {
        closedir(f->dir);
    } else if (f->fd >= 0) {
        close(f->fd);
    }
    if (f->fd >= 0) {
        p->open_files--;
    }
    f->dir = NULL;
    f->fd = -1;
}

int p9_opened(struct p9_server *p, struct p9_fid *f, int fd, struct p9_message *m)
{
    struct stat st;
    int rc = share_stat(p->share, f->path, &st);

    if (rc < 0) {
        close(fd);
        return rc;
    }
    f->fd = fd;
    p->open_files++;
    if (S_ISDIR(st.st_mode)) {
        f->dir = fdopendir(fd);
        if (!f->dir) {
            rc = -errno;
            p9_close(p, f);
            return rc;
        }
    }
    p9_put_qid(p, m, &st);
    p9_put(m, 4, 0);
    return 0;
}

int p9_open(struct p9_server *p, struct p9_message *m)
{
    struct p9_fid *f = p9_find(p, m);
    uint32_t flags = (uint32_t)p9_get(m, 4);
    int fd;

    if (!f || f->fd >= 0) {
        return -EBADF;
    }
    if (p->open_files >= p->open_max) {
        return -ENFILE;
    }
    if (p->share->readonly && flags & (O_ACCMODE | O_TRUNC)) {
        return -EROFS;
    }
    fd = share_file(p->share, f->path, (int)flags);
    return fd < 0 ? fd : p9_opened(p, f, fd, m);
}

int p9_read(struct p9_server *p, struct p9_message *m)
{
    struct p9_fid *f = p9_find(p, m);
    uint64_t offset = p9_get(m, 8);
    uint32_t size = (uint32_t)p9_get(m, 4);
    uint8_t *to;
    ssize_t got;

    if (!f || f->fd < 0 || f->dir) {
        return -EBADF;
    }
    p9_put(m, 4, 0);
    size = MIN_OF(size, (uint32_t)(m->out_max - m->out_size));
    to = p9_put_bytes(m, size);
    got = to ? pread(f->fd, to, size, (off_t)offset) : -1;
    if (got < 0) {
        return to ? -errno : -EINVAL;
    }
    m->out_size -= size - (size_t)got;
    st32_le(to - 4, (uint32_t)got);
    return 0;
}

int p9_write(struct p9_server *p, struct p9_message *m)
{
    struct p9_fid *f = p9_find(p, m);
    uint64_t offset = p9_get(m, 8);
    uint32_t size = (uint32_t)p9_get(m, 4);
    const uint8_t *from = p9_get_bytes(m, size);
    ssize_t done;

    if (!f || f->fd < 0 || f->dir) {
        return -EBADF;
    }
    if (!from) {
        return -EINVAL;
    }
    done = pwrite(f->fd, from, size, (off_t)offset);
    p9_put(m, 4, (uint64_t)done);
    return done < 0 ? -errno : 0;
}

/* One entry; false when there is no room for it. */
static bool put_entry(struct p9_server *p, struct p9_message *m, size_t end,
                      const struct dirent *e)
{
    size_t length = strlen(e->d_name);
    uint8_t type = e->d_type == DT_DIR ? QID_DIR : e->d_type == DT_LNK ? QID_LINK : QID_FILE;

    if (m->out_size + 13 + 8 + 1 + 2 + length > end) {
        return false;
    }
    put_qid(m, type, 0, e->d_ino);
    p9_put(m, 8, (uint64_t)e->d_off);
    p9_put(m, 1, e->d_type);
    p9_put_text(m, e->d_name, length);
    return true;
}

int p9_readdir(struct p9_server *p, struct p9_message *m)
{
    struct p9_fid *f = p9_find(p, m);
    uint64_t offset = p9_get(m, 8);
    uint32_t size = (uint32_t)p9_get(m, 4);
    size_t start, end;
    struct dirent *e;

    if (!f || !f->dir) {
        return -EBADF;
    }
    if (offset) {
        seekdir(f->dir, (long)offset);
    } else {
        rewinddir(f->dir);
    }
    p9_put(m, 4, 0);
    size = MIN_OF(size, (uint32_t)(m->out_max - m->out_size));
    start = m->out_size;
    end = start + size;
    while ((e = readdir(f->dir)) && put_entry(p, m, end, e)) {
    }
    st32_le(m->out + start - 4, (uint32_t)(m->out_size - start));
    return 0;
}

int p9_fsync(struct p9_server *p, struct p9_message *m)
{
    struct p9_fid *f = p9_find(p, m);

    if (!f || f->fd < 0) {
        return -EBADF;
    }
    return fsync(f->fd) < 0 ? -errno : 0;
}
