/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers for System V IPC, i386's multiplexer of it, and message queue notification. */
#include <errno.h>
#include <mqueue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

/* IPC_64: the later structures, in commands of the old multiplexer and of ARM's calls */
enum { WIDE = 0x100 };

/* --- control calls --------------------------------------------------------------------------- */

/* The layouts of each kind of object: 64-bit guests', 32-bit guests' now, and those of old. */
enum era { ERA_64, ERA_SPLIT, ERA_OLD };

static enum era era_of(const struct call *c, bool old)
{
    return call_is_64(c) ? ERA_64 : old ? ERA_OLD : ERA_SPLIT;
}

/* Runs a command with one structure in or out. `extra`: the argument between, semaphores only. */
static int64_t control(long num, const int64_t args[3], const struct thunk_struct *layout,
                       uint64_t addr, bool in)
{
    char host[256];
    int64_t result = in ? call_get(layout, host, addr) : 0;

    if (result) {
        return result;
    }
    if (num == SYS_semctl) {
        result = host_syscall(num, args[0], args[1], args[2], host);
    } else {
        result = host_syscall(num, args[0], args[2], host);
    }
    if (result >= 0 && !in) {
        int64_t err = call_put(layout, addr, host);
        result = err ? err : result;
    }
    return result;
}

static int64_t shmctl_in(struct call *c, int64_t id, int cmd, uint64_t addr, bool old)
{
    static struct thunk_struct *const segment[] = {&thunk_shmid, &thunk_shmid_split,
                                                   &thunk_shmid_old};
    static struct thunk_struct *const info[] = {&thunk_shminfo, &thunk_shminfo, &thunk_shminfo_old};
    int64_t args[3] = {id, 0, cmd};
    enum era era = era_of(c, old);

    switch (cmd) {
    case IPC_STAT:
    case SHM_STAT:
    case SHM_STAT_ANY:
    case IPC_SET:
        return control(SYS_shmctl, args, segment[era], addr, cmd == IPC_SET);
    case IPC_INFO:
        return control(SYS_shmctl, args, info[era], addr, false);
    case SHM_INFO:
        return control(SYS_shmctl, args, &thunk_shm_info, addr, false);
    default:
        return host_syscall(SYS_shmctl, id, (long)cmd, 0l);
    }
}

static int64_t msgctl_in(struct call *c, int64_t id, int cmd, uint64_t addr, bool old)
{
    static struct thunk_struct *const queue[] = {&thunk_msqid, &thunk_msqid_split,
                                                 &thunk_msqid_old};
    int64_t args[3] = {id, 0, cmd};

    switch (cmd) {
    case IPC_STAT:
    case MSG_STAT:
    case MSG_STAT_ANY:
    case IPC_SET:
        return control(SYS_msgctl, args, queue[era_of(c, old)], addr, cmd == IPC_SET);
    case IPC_INFO:
    case MSG_INFO:
        return control(SYS_msgctl, args, &thunk_msginfo, addr, false);
    default:
        return host_syscall(SYS_msgctl, id, (long)cmd, 0l);
    }
}

/* All values of a set: as many half-words as it has semaphores. */
static int64_t semaphore_values(int64_t id, int cmd, uint64_t addr)
{
    struct semid_ds set;
    int64_t err = host_syscall(SYS_semctl, id, 0l, (long)IPC_STAT, &set);
    size_t size = err ? 0 : 2 * set.sem_nsems;

    if (err) {
        return err;
    }
    if (call_range(addr, size)) {
        return -EFAULT;
    }
    return host_syscall(SYS_semctl, id, 0l, (long)cmd, cmd == GETALL ? user_out(addr, size)
                                                                     : user_ptr(addr));
}

static int64_t semctl_in(struct call *c, int64_t id, int64_t num, int cmd, uint64_t arg, bool old)
{
    static struct thunk_struct *const set[] = {&thunk_semid, &thunk_semid_split, &thunk_semid_old};
    int64_t args[3] = {id, num, cmd};

    switch (cmd) {
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY:
    case IPC_SET:
        return control(SYS_semctl, args, set[era_of(c, old)], arg, cmd == IPC_SET);
    case IPC_INFO:
    case SEM_INFO:
        return control(SYS_semctl, args, &thunk_seminfo, arg, false);
    case GETALL:
    case SETALL:
        return semaphore_values(id, cmd, arg);
    case SETVAL:
        return host_syscall(SYS_semctl, id, num, (long)cmd, (long)(int32_t)arg);
    default:
        return host_syscall(SYS_semctl, id, num, (long)cmd, 0l);
    }
}

/* Takes the version out of the command; whether the structures are those of old. */
static bool is_old(const struct call *c, int64_t *cmd)
{
    bool wide = *cmd & WIDE;

    if (c->t->abi->id != ABI_ARM) {
        return false;
    }
    *cmd &= ~(int64_t)WIDE;
    return !wide;
}

int64_t call_shmctl(struct call *c)
{
    bool old = is_old(c, &c->a[1]);

    return shmctl_in(c, c->a[0], c->a[1], c->a[2], old);
}

int64_t call_msgctl(struct call *c)
{
    bool old = is_old(c, &c->a[1]);

    return msgctl_in(c, c->a[0], c->a[1], c->a[2], old);
}

int64_t call_semctl(struct call *c)
{
    bool old = is_old(c, &c->a[2]);

    return semctl_in(c, c->a[0], c->a[1], c->a[2], c->a[3], old);
}

int64_t call_shmat(struct call *c)
{
    return user_shmat(c->a[0], c->a[1], c->a[2]);
}

int64_t call_shmdt(struct call *c)
{
    return user_shmdt(c->a[0]);
}

/* --- messages: a type in the guest's long, then the text ------------------------------------- */

enum { MAX_MESSAGE = 1 << 24 };

static int64_t send_message(struct call *c, int64_t id, uint64_t addr, uint64_t size, int flags)
{
    unsigned word = c->t->abi->word_bits / 8;
    uint64_t type;

    if (size > MAX_MESSAGE) {
        return -EINVAL;
    }
    if (call_range(addr, word + size) || call_get_word(c, &type, addr, 0)) {
        return -EFAULT;
    }
    char *host = malloc(8 + size);
    if (!host) {
        return -ENOMEM;
    }
    st64_le(host, word == 4 ? (int64_t)(int32_t)type : (int64_t)type);
    int64_t result = user_read(host + 8, addr + word, size)
                         ? call_host(c, SYS_msgsnd, id, (intptr_t)host, size, flags, 0, 0)
                         : -EFAULT;
    free(host);
    return result;
}

static int64_t receive_message(struct call *c, int64_t id, uint64_t addr, uint64_t size,
                               int64_t type, int flags)
{
    unsigned word = c->t->abi->word_bits / 8;

    if ((int64_t)size < 0) {
        return -EINVAL;
    }
    size = MIN_OF(size, MAX_MESSAGE);
    char *host = malloc(8 + size);
    if (!host) {
        return -ENOMEM;
    }
    int64_t n = call_host(c, SYS_msgrcv, id, (intptr_t)host, size, type, flags, 0);
    if (n >= 0 && (call_put_word(c, addr, ld64_le(host)) || call_range(addr + word, n) ||
                   !user_write(addr + word, host + 8, n))) {
        n = -EFAULT;
    }
    free(host);
    return n;
}

int64_t call_msgsnd(struct call *c)
{
    return send_message(c, c->a[0], c->a[1], c->a[2], c->a[3]);
}

int64_t call_msgrcv(struct call *c)
{
    return receive_message(c, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4]);
}

/* --- i386's multiplexer ---------------------------------------------------------------------- */

enum {
    SEMOP = 1, SEMGET = 2, SEMCTL = 3, SEMTIMEDOP = 4, MSGSND = 11, MSGRCV = 12, MSGGET = 13,
    MSGCTL = 14, SHMAT = 21, SHMDT = 22, SHMGET = 23, SHMCTL = 24, MAX_OPERATIONS = 500,
};

static int64_t operate(struct call *c, int64_t id, uint64_t addr, uint64_t n, uint64_t limit_addr)
{
    struct sembuf operations[MAX_OPERATIONS];
    struct timespec limit;

    if (n > MAX_OPERATIONS) {
        return -E2BIG;
    }
    for (uint64_t i = 0; i < n; i++) {
        if (call_get(&thunk_sembuf, &operations[i], addr + i * thunk_sembuf.guest_size)) {
            return -EFAULT;
        }
    }
    if (limit_addr && call_get(&thunk_timespec, &limit, limit_addr)) {
        return -EFAULT;
    }
    return call_host(c, SYS_semtimedop, id, (intptr_t)operations, n,
                     limit_addr ? (intptr_t)&limit : 0, 0, 0);
}

/* The first version packs the buffer and the type into a structure. */
static int64_t receive_multiplexed(struct call *c, unsigned version)
{
    uint64_t buffer = c->a[4], type = c->a[5];

    if (version == 0 &&
        (call_get_word(c, &buffer, c->a[4], 0) || call_get_word(c, &type, c->a[4], 1))) {
        return -EFAULT;
    }
    return receive_message(c, c->a[1], buffer, c->a[2], (int32_t)type, c->a[3]);
}

static int64_t attach_multiplexed(struct call *c, unsigned version)
{
    if (version == 1) {
        return -EINVAL;
    }
    int64_t addr = user_shmat(c->a[1], c->a[4], c->a[2]);
    return call_failed(addr) ? addr : call_put_word(c, c->a[3], addr);
}

static int64_t semctl_multiplexed(struct call *c)
{
    uint64_t arg;

    if (call_get_word(c, &arg, c->a[4], 0)) {
        return -EFAULT;
    }
    return semctl_in(c, c->a[1], c->a[2], c->a[3] & ~WIDE, arg, !(c->a[3] & WIDE));
}

/* ipc(call, first, second, third, pointer, fifth). */
int64_t call_ipc(struct call *c)
{
    unsigned version = c->a[0] >> 16;
    int64_t first = c->a[1], second = c->a[2], third = c->a[3], pointer = c->a[4];

    switch (c->a[0] & 0xffff) {
    case SEMOP:
        return operate(c, first, pointer, second, 0);
    case SEMTIMEDOP:
        return operate(c, first, pointer, second, (uint32_t)c->a[5]);
    case SEMGET:
        return host_syscall(SYS_semget, first, (long)(int32_t)second, third);
    case SEMCTL:
        return semctl_multiplexed(c);
    case MSGSND:
        return send_message(c, first, pointer, second, third);
    case MSGRCV:
        return receive_multiplexed(c, version);
    case MSGGET:
        return host_syscall(SYS_msgget, first, second);
    case MSGCTL:
        return msgctl_in(c, first, second & ~WIDE, pointer, !(second & WIDE));
    case SHMAT:
        return attach_multiplexed(c, version);
    case SHMDT:
        return user_shmdt(pointer);
    case SHMGET:
        return host_syscall(SYS_shmget, first, second, third);
    case SHMCTL:
        return shmctl_in(c, first, second & ~WIDE, pointer, !(second & WIDE));
    default:
        return -ENOSYS;
    }
}

/* --- POSIX message queues -------------------------------------------------------------------- */

int64_t call_mq_notify(struct call *c)
{
    struct sigevent event;
    int64_t err = c->a[1] ? call_get(&thunk_sigevent, &event, c->a[1]) : 0;

    if (err) {
        return err;
    }
    if (c->a[1] && event.sigev_notify == SIGEV_THREAD) { /* the value points at a cookie */
        uint64_t cookie = (uintptr_t)event.sigev_value.sival_ptr;
        cookie = call_is_64(c) ? cookie : (uint32_t)cookie;
        if (call_range(cookie, 32)) {
            return -EFAULT;
        }
        event.sigev_value.sival_ptr = user_ptr(cookie);
    }
    return host_syscall(SYS_mq_notify, c->a[0], c->a[1] ? &event : NULL);
}
