/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host memory by mmap(). */
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"

/* 0 when it does not fit. */
static size_t round_to_pages(size_t size)
{
    return align_up(size, HOST_PAGE_SIZE);
}

static void *map(size_t size, int prot, int flags, int fd, const char *what, struct error **err)
{
    size_t rounded = round_to_pages(size);
    void *p = MAP_FAILED;

    errno = size ? ENOMEM : EINVAL;
    if (rounded) {
        p = mmap(NULL, rounded, prot, flags, fd, 0);
    }
    if (p == MAP_FAILED) {
        error_set_errno(err, errno, "cannot set up %zu bytes of %s", size, what);
        return NULL;
    }
    return p;
}

void *host_memory_reserve(size_t size, struct error **err)
{
    return map(size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, "address space",
               err);
}

bool host_memory_commit(void *start, size_t size, struct error **err)
{
    if (mprotect(start, round_to_pages(size), PROT_READ | PROT_WRITE) != 0) {
        error_set_errno(err, errno, "cannot get %zu bytes of memory", size);
        return false;
    }
    return true;
}

void host_memory_discard(void *start, size_t size)
{
    madvise(start, round_to_pages(size), MADV_DONTNEED);
}

void host_memory_free(void *start, size_t size)
{
    if (start) {
        munmap(start, round_to_pages(size));
    }
}

void *host_ram_alloc(size_t size, unsigned flags, struct error **err)
{
    int kind = flags & HOST_RAM_SHARED ? MAP_SHARED : MAP_PRIVATE;
    void *p = map(size, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                  "guest memory", err);

    if (p) {
        madvise(p, round_to_pages(size), flags & HOST_RAM_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    }
    return p;
}

/* Makes the file large enough; its contents beyond `size` stay. */
static bool grow_file(int fd, const char *path, size_t size, struct error **err)
{
    struct stat st;

    if (fstat(fd, &st) != 0 ||
        ((size_t)st.st_size < size && S_ISREG(st.st_mode) && ftruncate(fd, size) != 0)) {
        error_set_errno(err, errno, "cannot make '%s' %zu bytes large", path, size);
        return false;
    }
    return true;
}

void *host_ram_map_file(const char *path, size_t size, bool shared, struct error **err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    void *p = NULL;

    if (fd < 0) {
        error_set_errno(err, errno, "cannot open '%s'", path);
        return NULL;
    }
    if (grow_file(fd, path, size, err)) {
        p = map(size, PROT_READ | PROT_WRITE, (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_NORESERVE,
                fd, path, err);
    }
    close(fd);
    return p;
}
