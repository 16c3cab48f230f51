/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's memory map: a sorted array of ranges as the guest sees them, and the host mappings
 * behind. 64-bit guests live at host addresses, where the kernel chooses freely; a 32-bit guest has
 * a window of 4 GiB whose unused parts stay reserved.
 */
#include "linux-user/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include "base/bits.h"
#include "base/error.h"
#include "linux-user/map.h"
#include "tcg/region.h"
#include "tcg/user/user.h"

uint64_t user_top;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t brk_start, brk_end;

enum { WINDOW_GUARD = 1 << 16 };
#define TOP_64 0x7ffffffff000ull
#define MMAP_BASE_32 0xf7ff0000ull      /* below the stack's usual limit */
#define MMAP_MIN 0x10000ull

static bool is_window(void)
{
    return the_target.word_bits == 32;
}

void user_memory_lock(void)
{
    pthread_mutex_lock(&lock);
}

void user_memory_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

int user_page_prot(uint64_t page)
{
    const struct map_range *r = map_find(page);

    return r && r->start <= page ? r->prot : 0;
}

/* --- where the guest's memory is ------------------------------------------------------------- */

static bool reserve_window(struct error **err)
{
    uint64_t size = user_options.reserved ? user_options.reserved : 1ull << 32;
    void *hint = user_options.base_given ? (void *)(uintptr_t)user_options.base : NULL;
    int fixed = user_options.base_given ? MAP_FIXED_NOREPLACE : 0;
    void *p;

    for (;; size -= size / 4) {
        p = mmap(hint, size + WINDOW_GUARD, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
        if (p != MAP_FAILED || size < 64 << 20 || user_options.reserved) {
            break;
        }
    }
    if (p == MAP_FAILED) {
        error_set_errno(err, errno, "cannot reserve %llu MiB of address space for the program%s",
                        (unsigned long long)size >> 20,
                        errno == ENOMEM ? "; raise 'ulimit -v' or use a smaller -R" : "");
        return false;
    }
    user_base = (uintptr_t)p;
    user_top = size < user_arch_top ? size : user_arch_top;
    return true;
}

bool user_memory_init(struct error **err)
{
    if (is_window()) {
        return reserve_window(err);
    }
    user_base = user_options.base_given ? user_options.base : 0;
    user_top = TOP_64;
    return true;
}

/* --- helpers --------------------------------------------------------------------------------- */

static uint64_t page_up(uint64_t n)
{
    return align_up(n, USER_PAGE);
}

static bool in_space(uint64_t addr, uint64_t len)
{
    return len <= user_top && addr <= user_top - len;
}

/* Executable pages must be readable for the translator. */
static int host_prot(int prot)
{
    return prot & PROT_EXEC ? prot | PROT_READ : prot;
}

static int64_t host_mmap(uint64_t addr, uint64_t len, int prot, int flags, int fd, int64_t offset)
{
    void *p = mmap(addr || is_window() ? user_ptr(addr) : NULL, len, host_prot(prot), flags, fd,
                   offset);

    return p == MAP_FAILED ? -errno : (int64_t)user_addr(p);
}

/* Gives a range back to the host, or to the reservation. */
static int64_t host_unmap(uint64_t addr, uint64_t len)
{
    if (is_window()) {
        int64_t r = host_mmap(addr, len, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
        return r < 0 ? r : 0;
    }
    return munmap(user_ptr(addr), len) < 0 ? -errno : 0;
}

static uint64_t find_place(uint64_t hint, uint64_t len)
{
    uint64_t base = MMAP_BASE_32 < user_top ? MMAP_BASE_32 : user_top;
    uint64_t at;

    hint = align_down(hint, USER_PAGE);
    if (hint >= MMAP_MIN && in_space(hint, len) && map_is_free(hint, len)) {
        return hint;
    }
    at = map_find_free_below(base, len, MMAP_MIN);
    return at ? at : map_find_free_below(user_top, len, MMAP_MIN);
}

/* --- mmap, munmap, mprotect ------------------------------------------------------------------ */

static int64_t map_locked(uint64_t addr, uint64_t len, int prot, int flags, int fd, int64_t offset)
{
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    int64_t result;

    if (fixed && (addr & (USER_PAGE - 1))) {
        return -EINVAL;
    }
    if (fixed ? !in_space(addr, len) : len > user_top) {
        return -ENOMEM;
    }
    if ((flags & MAP_FIXED_NOREPLACE) == MAP_FIXED_NOREPLACE && is_window()) {
        if (!map_is_free(addr, len)) {
            return -EEXIST;
        }
        flags = (flags & ~MAP_FIXED_NOREPLACE) | MAP_FIXED;
    }
    if (!fixed && is_window()) {
        addr = find_place(addr, len);
        if (!addr) {
            return -ENOMEM;
        }
        flags |= MAP_FIXED;
    }
    if (flags & MAP_FIXED) {
        code_forget(addr, len);
    }
    result = host_mmap(addr, len, prot, flags & ~MAP_32BIT, fd, offset);
    if (result >= 0) {
        map_set(result, result + len, prot, flags);
    }
    return result;
}

int64_t user_mmap(uint64_t addr, uint64_t len, int prot, int flags, int fd, int64_t offset)
{
    int64_t result;

    if (len == 0 || (offset & (USER_PAGE - 1))) {
        return -EINVAL;
    }
    len = page_up(len);
    if (len == 0) {
        return -ENOMEM;
    }
    if (flags & MAP_SHARED) {
        region_memory_shared();
    }
    if (flags & MAP_32BIT && !is_window() && !(flags & MAP_FIXED)) {
        /* The host knows how to. */
        user_memory_lock();
        result = host_mmap(0, len, prot, flags, fd, offset);
        if (result >= 0) {
            map_set(result, result + len, prot, flags);
        }
        user_memory_unlock();
        return result;
    }
    user_memory_lock();
    result = map_locked(addr, len, prot, flags, fd, offset);
    user_memory_unlock();
    return result;
}

int64_t user_map_image(uint64_t hint, uint64_t len)
{
    return user_mmap(hint, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

bool user_map_page(uint64_t addr, const void *bytes, int prot)
{
    void *p = mmap(user_ptr(addr), USER_PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    if (p == MAP_FAILED) {
        return false;
    }
    memcpy(p, bytes, USER_PAGE);
    mprotect(p, USER_PAGE, host_prot(prot));
    user_memory_lock();
    map_set(addr, addr + USER_PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS);
    user_memory_unlock();
    return true;
}

int64_t user_munmap(uint64_t addr, uint64_t len)
{
    int64_t result;

    len = page_up(len);
    if ((addr & (USER_PAGE - 1)) || len == 0 || !in_space(addr, len)) {
        return -EINVAL;
    }
    user_memory_lock();
    code_forget(addr, len);
    result = host_unmap(addr, len);
    if (result == 0) {
        map_clear(addr, addr + len);
    }
    user_memory_unlock();
    return result;
}

int64_t user_mprotect(uint64_t addr, uint64_t len, int prot)
{
    int64_t result;

    len = page_up(len);
    if (addr & (USER_PAGE - 1)) {
        return -EINVAL;
    }
    if (!in_space(addr, len)) {
        return -ENOMEM;
    }
    if (len == 0) {
        return 0;
    }
    user_memory_lock();
    if (is_window() && !map_is_full(addr, addr + len)) {
        user_memory_unlock();
        return -ENOMEM;
    }
    code_forget(addr, len);
    result = mprotect(user_ptr(addr), len, host_prot(prot)) < 0 ? -errno : 0;
    if (result == 0) {
        map_protect(addr, addr + len, prot & (PROT_READ | PROT_WRITE | PROT_EXEC));
    }
    user_memory_unlock();
    return result;
}

void user_map_guard(uint64_t addr, uint64_t len)
{
    user_mprotect(addr, len, PROT_NONE);
    user_memory_lock();
    map_clear(addr, addr + len);
    user_memory_unlock();
}

int64_t user_madvise(uint64_t addr, uint64_t len, int advice)
{
    int64_t result;

    if (!in_space(addr, page_up(len))) {
        return -ENOMEM;
    }
    user_memory_lock();
    if (advice == MADV_DONTNEED || advice == MADV_REMOVE || advice == MADV_FREE) {
        code_forget(addr, len);
    }
    result = madvise(user_ptr(addr), len, advice) < 0 ? -errno : 0;
    user_memory_unlock();
    return result;
}

/* --- mremap ---------------------------------------------------------------------------------- */

/* In the window a mapping can grow where the map has room: the reservation there makes way. */
static bool make_room(uint64_t addr, uint64_t old_len, uint64_t new_len)
{
    if (!in_space(addr, new_len) || !map_is_free(addr + old_len, new_len - old_len)) {
        return false;
    }
    munmap(user_ptr(addr + old_len), new_len - old_len);
    return true;
}

static int64_t window_mremap(uint64_t addr, uint64_t old_len, uint64_t new_len, int flags,
                             uint64_t new)
{
    void *p;

    if (!(flags & MREMAP_FIXED)) {
        if (new_len <= old_len && !(flags & MREMAP_DONTUNMAP)) {
            if (new_len < old_len) {
                host_unmap(addr + new_len, old_len - new_len);
            }
            return addr;
        }
        if (!(flags & MREMAP_DONTUNMAP) && make_room(addr, old_len, new_len)) {
            p = mremap(user_ptr(addr), old_len, new_len, 0);
            if (p != MAP_FAILED) {
                return addr;
            }
            host_unmap(addr + old_len, new_len - old_len);
        }
        if (!(flags & MREMAP_MAYMOVE)) {
            return -ENOMEM;
        }
        new = find_place(0, new_len);
        if (!new) {
            return -ENOMEM;
        }
    }
    p = mremap(user_ptr(addr), old_len, new_len, flags | MREMAP_MAYMOVE | MREMAP_FIXED,
               user_ptr(new));
    if (p == MAP_FAILED) {
        return -errno;
    }
    if (old_len && !(flags & MREMAP_DONTUNMAP)) {
        host_unmap(addr, old_len);
    }
    return new;
}

static int64_t host_mremap(uint64_t addr, uint64_t old_len, uint64_t new_len, int flags,
                           uint64_t new)
{
    void *p;

    if (is_window()) {
        return window_mremap(addr, old_len, new_len, flags, new);
    }
    p = mremap(user_ptr(addr), old_len, new_len, flags, user_ptr(new));
    return p == MAP_FAILED ? -errno : (int64_t)user_addr(p);
}

int64_t user_mremap(uint64_t addr, uint64_t old_len, uint64_t new_len, int flags, uint64_t new)
{
    struct map_range old;
    int64_t result;

    old_len = page_up(old_len);
    new_len = page_up(new_len);
    if (!in_space(addr, old_len) || (addr & (USER_PAGE - 1)) || new_len == 0 ||
        (flags & MREMAP_FIXED && (!in_space(new, new_len) || (new & (USER_PAGE - 1))))) {
        return -EINVAL;
    }
    user_memory_lock();
    if (!map_find(addr) || map_find(addr)->start > addr) {
        user_memory_unlock();
        return -EFAULT;
    }
    old = *map_find(addr);
    code_forget(addr, old_len);
    if (flags & MREMAP_FIXED) {
        code_forget(new, new_len);
    }
    result = host_mremap(addr, old_len, new_len, flags, new);
    if (result >= 0) {
        if (old_len && !(flags & MREMAP_DONTUNMAP)) {
            map_clear(addr, addr + old_len);
        }
        map_set(result, result + new_len, old.prot, old.flags);
    }
    user_memory_unlock();
    return result;
}

/* --- brk ------------------------------------------------------------------------------------- */

void user_brk_init(uint64_t addr)
{
    brk_start = brk_end = addr;
}

static bool grow_brk(uint64_t from, uint64_t to)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;

    return from == to || map_locked(from, to - from, PROT_READ | PROT_WRITE, flags, -1, 0) ==
                         (int64_t)from;
}

int64_t user_brk(uint64_t addr)
{
    uint64_t old_end, new_end;

    user_memory_lock();
    old_end = page_up(brk_end);
    new_end = page_up(addr);
    if (addr >= brk_start && in_space(brk_start, new_end - brk_start)) {
        if (new_end < old_end) {
            code_forget(new_end, old_end - new_end);
            host_unmap(new_end, old_end - new_end);
            map_clear(new_end, old_end);
            brk_end = addr;
        } else if (grow_brk(old_end, new_end)) {
            brk_end = addr;
        }
    }
    addr = brk_end;
    user_image.brk = brk_end;
    user_memory_unlock();
    return addr;
}

/* --- System V shared memory ------------------------------------------------------------------ */

int64_t user_shmat(int id, uint64_t addr, int flags)
{
    int prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) |
               (flags & SHM_EXEC ? PROT_EXEC : 0);
    struct shmid_ds ds;
    uint64_t len;
    void *p;

    if (shmctl(id, IPC_STAT, &ds) < 0) {
        return -errno;
    }
    region_memory_shared();
    len = page_up(ds.shm_segsz);
    if (addr & (USER_PAGE - 1)) {
        if (!(flags & SHM_RND)) {
            return -EINVAL;
        }
        addr = align_down(addr, USER_PAGE);
    }
    user_memory_lock();
    if (is_window() && !addr) {
        addr = find_place(0, len);
        flags |= SHM_REMAP;
    } else if (is_window() && map_is_free(addr, len)) {
        flags |= SHM_REMAP;
    }
    if (addr && flags & SHM_REMAP) {
        code_forget(addr, len);
    }
    p = shmat(id, addr ? user_ptr(addr) : NULL, flags);
    if (p != (void *)-1) {
        map_set(user_addr(p), user_addr(p) + len, prot, MAP_SHARED | MAP_SHM);
    }
    user_memory_unlock();
    return p == (void *)-1 ? -errno : (int64_t)user_addr(p);
}

int64_t user_shmdt(uint64_t addr)
{
    const struct map_range *r;
    struct map_range gone;

    user_memory_lock();
    r = map_find(addr);
    if (!r || r->start != addr || !(r->flags & MAP_SHM)) {
        user_memory_unlock();
        return -EINVAL;
    }
    gone = *r;
    code_forget(gone.start, gone.end - gone.start);
    if (shmdt(user_ptr(addr)) < 0) {
        user_memory_unlock();
        return -errno;
    }
    if (is_window()) {
        host_unmap(gone.start, gone.end - gone.start);
    }
    map_clear(gone.start, gone.end);
    user_memory_unlock();
    return 0;
}

/* --- looking --------------------------------------------------------------------------------- */

bool user_mapping_at(uint64_t addr, struct user_mapping *m)
{
    const struct map_range *r;

    user_memory_lock();
    r = map_find(addr);
    if (r) {
        *m = (struct user_mapping){ r->start, r->end, r->prot, r->flags };
    }
    user_memory_unlock();
    return r != NULL;
}
