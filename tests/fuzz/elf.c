/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer target: the input is a program that user mode loads, without running it. */
#include <elf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "linux-user/host.h"
#include "linux-user/internal.h"
#include "linux-user/map.h"
#include "tcg/user/user.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- what the loader takes from the rest of user mode ---------------------------------------- */

enum { BITS = FUZZ_WORD_BITS, STACK_GUARD = 1 << 16 };

static const struct user_abi abi = { "fuzz", BITS == 64 ? ABI_X86_64 : ABI_I386, BITS, BITS / 8 };
static struct task task;
const struct user_abi *const user_process_abi = &abi;
const struct target the_target = { .word_bits = BITS };
const uint64_t user_arch_top = 0xffffe000;
const struct user_arch_elf user_arch_elf = {
    BITS == 64 ? ELFCLASS64 : ELFCLASS32, ELFDATA2LSB, BITS == 64 ? EM_X86_64 : EM_386, 6
};
struct user_options user_options = { .exec_fd = -1, .stack_size = 1 << 20 };
_Thread_local struct task *user_task = &task;
uint64_t user_base;

const char *user_path(const char *path, char *buf)
{
    return path;
}

const char *user_arch_platform(void)
{
    return "fuzz";
}

uint64_t user_arch_hwcap(struct cpu *cpu)
{
    return 0;
}

void user_signal_unblock(struct task *t)
{
}

/* Nothing is translated here. */
void code_forget(uint64_t start, uint64_t len)
{
}

void code_open(uint64_t start, uint64_t len)
{
}

bool code_is_closed(uint64_t start, uint64_t len)
{
    return false;
}

/* --- the target ------------------------------------------------------------------------------ */

static struct sigaction others[2];

/* Stores behind a file's end are answered by host_copy(); everything else is a finding. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
    if (!host_fixup(context)) {
        sigaction(sig, &others[sig == SIGBUS], NULL);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    struct error *err = NULL;

    sigaction(SIGSEGV, &act, &others[0]);
    sigaction(SIGBUS, &act, &others[1]);
    if (!user_memory_init(&err)) {
        error_exit_with(err);
    }
    return 0;
}

static void unmap_all(void)
{
    const struct map_range *r;

    if (user_image.stack_low) {         /* the guard below is in no map */
        user_munmap(user_image.stack_low - STACK_GUARD, STACK_GUARD);
        user_image.stack_low = 0;
    }
    while ((r = map_find(0))) {
        if (user_munmap(r->start, r->end - r->start) < 0) {
            abort();
        }
    }
}

/* What was loaded must be where the loader says that it is. */
static void check(const struct user_program *p)
{
    uint64_t argc = 0;

    if (p->stack % 16 || p->stack < user_image.stack_low || p->stack >= user_image.stack_high ||
        !user_read(&argc, p->stack, BITS / 8) || argc != 2) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *argv[] = { "program", "argument", NULL }, *envp[] = { "A=1", NULL };
    struct user_program p = { 0 };
    struct error *err = NULL;
    int fd = memfd_create("program", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    if (user_load_elf(fd, "program", &p, &err) &&
        user_make_stack(&p, 2, argv, envp, "program", &err)) {
        check(&p);
    } else {
        error_free(err);
    }
    close(fd);
    unmap_all();
    return 0;
}
