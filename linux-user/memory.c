/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checked access to the guest's memory for system calls and the loader. */
#include "linux-user/user.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>
#include "linux-user/host.h"
#include "linux-user/internal.h"
#include "tcg/user/user.h"

static bool in_space(uint64_t addr, size_t len)
{
    return addr < user_top && len <= user_top - addr;
}

bool user_read(void *dest, uint64_t addr, size_t len)
{
    return in_space(addr, len) && host_copy(dest, user_ptr(addr), len);
}

bool user_write(uint64_t addr, const void *src, size_t len)
{
    return in_space(addr, len) && host_copy(user_ptr(addr), src, len);
}

int64_t user_strlen(uint64_t addr, size_t max)
{
    sigjmp_buf jump;
    size_t len;

    if (!in_space(addr, 1)) {
        return -EFAULT;
    }
    if (sigsetjmp(jump, 0)) {
        user_task->fault_jump = NULL;
        user_signal_unblock(user_task);
        return -EFAULT;
    }
    user_task->fault_jump = &jump;
    len = strnlen(user_ptr(addr), max + 1);
    user_task->fault_jump = NULL;
    return len > max ? -ENAMETOOLONG : (int64_t)len;
}

void *user_out(uint64_t addr, size_t len)
{
    if (code_is_closed(addr, len)) {
        code_open(addr, len);
    }
    return user_ptr(addr);
}

bool user_access(uint64_t addr, size_t len, int prot)
{
    struct user_mapping m;

    while (len) {
        size_t part;

        if (!user_mapping_at(addr, &m) || m.start > addr || (m.prot & prot) != prot) {
            return false;
        }
        part = m.end - addr < len ? m.end - addr : len;
        addr += part;
        len -= part;
    }
    return true;
}

bool cpu_debug_access(struct cpu *cpu, uint64_t vaddr, void *buf, size_t len, bool write)
{
    return write ? user_write(vaddr, buf, len) : user_read(buf, vaddr, len);
}
