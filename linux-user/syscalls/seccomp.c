/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seccomp filters on the guest's own system calls: the host's kernel would judge the emulator's.
 * The classic BPF programs run here before each call, newest first; the strictest answer counts.
 * A filter holds for the thread that installed it and for all that it starts afterwards, which
 * is the process's later threads; with TSYNC for all threads.
 */
#include "linux-user/syscalls/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

struct filter {
    struct filter *next;
    pid_t only; /* the installing thread while others ran; 0: every thread */
    unsigned length;
    struct sock_filter code[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct filter *filters; /* newest first; never removed */
bool seccomp_active;

/* --- the machine ----------------------------------------------------------------------------- */

static uint32_t alu(uint16_t code, uint32_t a, uint32_t v)
{
    switch (BPF_OP(code)) {
    case BPF_ADD:
        return a + v;
    case BPF_SUB:
        return a - v;
    case BPF_MUL:
        return a * v;
    case BPF_DIV:
        return v ? a / v : 0;
    case BPF_OR:
        return a | v;
    case BPF_AND:
        return a & v;
    case BPF_LSH:
        return v < 32 ? a << v : 0;
    case BPF_RSH:
        return v < 32 ? a >> v : 0;
    case BPF_XOR:
        return a ^ v;
    default: /* BPF_NEG */
        return -a;
    }
}

static bool jump_taken(uint16_t code, uint32_t a, uint32_t v)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return a == v;
    case BPF_JGT:
        return a > v;
    case BPF_JGE:
        return a >= v;
    default: /* BPF_JSET */
        return a & v;
    }
}

static uint32_t load(const struct sock_filter *i, const struct seccomp_data *data,
                     const uint32_t *memory)
{
    uint32_t word;

    switch (BPF_MODE(i->code)) {
    case BPF_ABS:
        memcpy(&word, (const char *)data + i->k, 4);
        return word;
    case BPF_MEM:
        return memory[i->k];
    case BPF_LEN:
        return sizeof(*data);
    default:
        return i->k;
    }
}

/* The program passed is_valid(). */
static uint32_t run(const struct filter *f, const struct seccomp_data *data)
{
    uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = {0};

    for (unsigned pc = 0; pc < f->length; pc++) {
        const struct sock_filter *i = &f->code[pc];
        uint32_t operand = BPF_SRC(i->code) == BPF_X ? x : i->k;
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
            a = load(i, data, memory);
            break;
        case BPF_LDX:
            x = load(i, data, memory);
            break;
        case BPF_ST:
            memory[i->k] = a;
            break;
        case BPF_STX:
            memory[i->k] = x;
            break;
        case BPF_ALU:
            a = alu(i->code, a, operand);
            break;
        case BPF_JMP:
            pc += BPF_OP(i->code) == BPF_JA             ? i->k
                  : jump_taken(i->code, a, operand) ? i->jt
                                                        : i->jf;
            break;
        case BPF_RET:
            return BPF_RVAL(i->code) == BPF_A ? a : i->k;
        default: /* BPF_MISC */
            if (BPF_MISCOP(i->code) == BPF_TAX) {
                x = a;
            } else {
                a = x;
            }
        }
    }
    return SECCOMP_RET_KILL_PROCESS;
}

static bool load_is_valid(const struct sock_filter *i)
{
    switch (BPF_MODE(i->code)) {
    case BPF_ABS:
        return BPF_CLASS(i->code) == BPF_LD && BPF_SIZE(i->code) == BPF_W && !(i->k & 3) &&
               i->k < sizeof(struct seccomp_data);
    case BPF_MEM:
        return i->k < BPF_MEMWORDS;
    case BPF_IMM:
    case BPF_LEN:
        return true;
    default:
        return false;
    }
}

/* Jumps stay inside, and the last instruction returns. */
static bool is_valid(const struct filter *f)
{
    for (unsigned pc = 0; pc < f->length; pc++) {
        const struct sock_filter *i = &f->code[pc];
        unsigned left = f->length - pc - 1;
        bool good = true;
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
        case BPF_LDX:
            good = load_is_valid(i);
            break;
        case BPF_ST:
        case BPF_STX:
            good = i->k < BPF_MEMWORDS;
            break;
        case BPF_ALU:
            good = BPF_OP(i->code) <= BPF_NEG || BPF_OP(i->code) == BPF_XOR;
            good &= !(BPF_OP(i->code) == BPF_DIV && BPF_SRC(i->code) == BPF_K && i->k == 0);
            break;
        case BPF_JMP:
            good = BPF_OP(i->code) == BPF_JA ? i->k < left : i->jt < left && i->jf < left;
            good &= BPF_OP(i->code) <= BPF_JSET;
            break;
        }
        if (!good) {
            return false;
        }
    }
    return f->length && BPF_CLASS(f->code[f->length - 1].code) == BPF_RET;
}

/* --- judging --------------------------------------------------------------------------------- */

static uint32_t strictest(const struct task *t, const struct seccomp_data *data)
{
    uint32_t answer = SECCOMP_RET_ALLOW;

    for (const struct filter *f = __atomic_load_n(&filters, __ATOMIC_ACQUIRE); f; f = f->next) {
        if (f->only && f->only != t->tid) {
            continue;
        }
        uint32_t ret = run(f, data);
        if ((int32_t)(ret & SECCOMP_RET_ACTION_FULL) <
            (int32_t)(answer & SECCOMP_RET_ACTION_FULL)) {
            answer = ret;
        }
    }
    return answer;
}

/* SIGSYS as SECCOMP_RET_TRAP sends it. */
static void trap(struct task *t, const struct seccomp_data *data, uint32_t answer)
{
    siginfo_t info = {
        .si_signo = SIGSYS,
        .si_code = 1, /* SYS_SECCOMP */
        .si_errno = answer & SECCOMP_RET_DATA,
    };

    info.si_syscall = data->nr;
    info.si_arch = data->arch;
    user_force_info(t, &info);
}

bool seccomp_refuses(struct task *t, int64_t num, const int64_t args[CALL_ARGS], int64_t *result)
{
    struct seccomp_data data = {
        .nr = num,
        .arch = t->abi->id == ABI_X86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_I386,
    };

    for (unsigned i = 0; i < CALL_ARGS; i++) {
        data.args[i] = args[i];
    }
    uint32_t answer = strictest(t, &data);
    switch (answer & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_LOG:
        return false;
    case SECCOMP_RET_ERRNO:
        *result = -(int64_t)MIN_OF(answer & SECCOMP_RET_DATA, 4095);
        return true;
    case SECCOMP_RET_TRAP:
        trap(t, &data, answer);
        *result = USER_NO_RESULT;
        return true;
    case SECCOMP_RET_KILL_THREAD:
    case SECCOMP_RET_KILL_PROCESS:
        user_sigaction(SIGSYS, &(struct user_sigaction){0}, NULL);
        trap(t, &data, answer);
        user_exit_group(t, 128 + SIGSYS);
    default: /* TRACE and USER_NOTIF without anyone to ask */
        *result = -ENOSYS;
        return true;
    }
}

/* --- installing ------------------------------------------------------------------------------ */

static bool is_threaded(void)
{
    user_tasks_lock();
    bool more = user_tasks() && user_tasks()->next;
    user_tasks_unlock();
    return more;
}

static int64_t install(struct call *c, uint64_t flags, uint64_t addr)
{
    struct sock_fprog program;
    int64_t err = call_get(&thunk_sock_fprog, &program, addr);

    if (err) {
        return err;
    }
    if (flags & ~(uint64_t)(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG |
                            SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_TSYNC_ESRCH)) {
        return -EINVAL;
    }
    if (!program.len || program.len > BPF_MAXINSNS) {
        return -EINVAL;
    }
    size_t size = program.len * sizeof(struct sock_filter);
    struct filter *f = malloc(sizeof(*f) + size);
    if (!f) {
        return -ENOMEM;
    }
    f->length = program.len;
    f->only = flags & SECCOMP_FILTER_FLAG_TSYNC || !is_threaded() ? 0 : c->t->tid;
    uint64_t code = user_addr(program.filter);
    err = call_range(code, size) || !user_read(f->code, code, size) ? -EFAULT
          : is_valid(f)                                              ? 0
                                                                     : -EINVAL;
    if (!err && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 && geteuid()) {
        err = -EACCES;
    }
    if (err) {
        free(f);
        return err;
    }
    pthread_mutex_lock(&lock);
    f->next = filters;
    __atomic_store_n(&filters, f, __ATOMIC_RELEASE);
    seccomp_active = true;
    pthread_mutex_unlock(&lock);
    return 0;
}

static int64_t is_action_known(uint64_t addr)
{
    static const uint32_t known[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
                                     SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO, SECCOMP_RET_LOG,
                                     SECCOMP_RET_ALLOW};
    uint32_t action;

    if (call_get_u32(&action, addr)) {
        return -EFAULT;
    }
    for (unsigned i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i] == action) {
            return 0;
        }
    }
    return -EOPNOTSUPP;
}

int64_t call_seccomp(struct call *c)
{
    switch (c->a[0]) {
    case SECCOMP_SET_MODE_FILTER:
        return install(c, c->a[1], c->a[2]);
    case SECCOMP_GET_ACTION_AVAIL:
        return c->a[1] ? -EINVAL : is_action_known(c->a[2]);
    default:
        return -EINVAL;
    }
}

int64_t seccomp_prctl(struct call *c)
{
    if (c->a[0] == PR_GET_SECCOMP) {
        return seccomp_active ? SECCOMP_MODE_FILTER : SECCOMP_MODE_DISABLED;
    }
    return c->a[1] == SECCOMP_MODE_FILTER ? install(c, 0, c->a[2]) : -EINVAL;
}
