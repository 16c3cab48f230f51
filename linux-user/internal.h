/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of user mode's core share beyond user.h. */
#ifndef LINUX_USER_INTERNAL_H
#define LINUX_USER_INTERNAL_H

#include "linux-user/user.h"

/* --- memory map (mmap.c) --------------------------------------------------------------------- */

/* Finds a place for the guest's memory and sets user_base and user_top; false with a message. */
bool user_memory_init(struct error **err);
/* Where brk starts. */
void user_brk_init(uint64_t addr);
/* mmap for the loader: any address at or above `hint', which 64-bit guests' kernels may ignore. */
int64_t user_map_image(uint64_t hint, uint64_t len);
/* Makes part of a mapping inaccessible; as the guest sees it nothing is there. */
void user_map_guard(uint64_t addr, uint64_t len);
/* A page above user_top, where the kernel has something for programs. */
bool user_map_page(uint64_t addr, const void *bytes, int prot);

/* --- signals (signal.c) ---------------------------------------------------------------------- */

void user_signal_init(void);
void user_signal_thread_init(struct task *t);       /* alternate stack and queue of a new thread */
void user_signal_thread_end(struct task *t);
/* Delivers what is pending; may not come back (default actions). Whether a handler was entered. */
bool user_take_signals(struct task *t);
/* The host's mask as the guest's is, after all signals were blocked. */
void user_signal_unblock(struct task *t);
void user_signal_block_all(void);
void user_signal_block_all_but(int sig);
/* Makes the thread come to a safe point soon; queues a signal for it there. */
void user_signal_kick(struct task *t);
void user_signal_queue(struct task *t, int sig, const siginfo_t *info);
/* Around fork(): no other thread may hold the lock of the actions. */
void user_signal_fork_begin(void);
void user_signal_fork_end(void);
/* A new process has no pending signals: forgets those that its parent's thread had accepted. */
void user_signal_forget(struct task *t);
/* The same around a child that borrows the parent's memory. NULL: out of memory. */
struct signal_queue *user_signal_put_aside(struct task *t);
void user_signal_give_back(struct task *t, struct signal_queue *aside);
/* Traced processes take all signals themselves, so that a tracer sees them. */
void user_signal_trace(bool on);
/* From now on the host always delivers this signal: the debugger's, see gdb.h. */
void user_signal_kicks_init(int sig);
/* The mask of a signal frame. */
void user_signal_restore(struct task *t, uint64_t mask);
/* Ends the process by a signal as the default action does. */
_Noreturn void user_die(int sig);
/* Before exec: what is queued goes back to the kernel. */
void user_signal_exec(struct task *t);
struct user_actions {
    struct user_sigaction of[USER_SIGNALS + 1];
    bool traced;                        /* some thread is; see user_signal_trace() */
};

/* --- threads (task.c) ------------------------------------------------------------------------ */

void user_main_task(struct cpu *cpu);
void user_robust_exit(struct task *t);

extern char *user_emulator_path;   /* where this executable lies; NULL not known */

/* --- program start (elf.c, start.c) ---------------------------------------------------------- */

struct user_program {
    uint64_t entry, stack;          /* initial pc and stack pointer */
    uint64_t phdr, phnum, phent, base, program_entry;   /* for the auxiliary vector */
    uint32_t flags;                 /* e_flags */
    bool exec_stack;
    bool no_interpreter;            /* why it cannot be loaded: the file that it names is missing */
};
/* Loads the ELF file behind fd (and its interpreter). Fills user_image. */
bool user_load_elf(int fd, const char *path, struct user_program *p, struct error **err);
/* Stack, arguments, environment, auxiliary vector. */
bool user_make_stack(struct user_program *p, int argc, char **argv, char **envp,
                     const char *exec_name, struct error **err);

/* --- the guest's architecture (i386/) -------------------------------------------------------- */

extern const struct user_abi *const user_process_abi;

struct user_arch_elf { uint8_t elf_class, data; uint16_t machine; uint16_t machine2; };
extern const struct user_arch_elf user_arch_elf;
extern const uint64_t user_arch_top;                /* of 32-bit guests: above what they may map */
const char *user_arch_platform(void);               /* AT_PLATFORM */
uint64_t user_arch_hwcap(struct cpu *cpu);          /* AT_HWCAP */

void user_arch_start(struct cpu *cpu, const struct user_program *p);
/* A new thread's registers: the parent's with another stack (0: same), result 0, and TLS. */
int64_t user_arch_clone(struct task *t, struct cpu *child, uint64_t stack, bool set_tls,
                        uint64_t tls);
uint64_t user_arch_sp(struct cpu *cpu);
/* Pushes a frame for the handler of `sig' and goes there; false when the stack is not writable. */
bool user_arch_push_frame(struct task *t, int sig, const siginfo_t *info,
                          const struct user_sigaction *act, uint64_t mask);
/* siginfo as 32-bit programs have it, 128 bytes. */
void user_siginfo_32(const siginfo_t *info, uint8_t *out);
/* Notes which host fault the next frame is about. */
void user_arch_note_fault(struct task *t, const siginfo_t *info, const void *context);
/* The exception number that makes cpu_run_guest() return for a host signal. */
extern const int user_arch_exc_signal;
/* Runs the thread's guest code; system calls and exceptions come and go. */
_Noreturn void user_arch_loop(struct task *t);

#endif
