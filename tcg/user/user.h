/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The translator in user mode: a process's memory is the host's, shifted by a constant, and code in
 * it is noticed to change by write protection.
 */
#ifndef TCG_USER_USER_H
#define TCG_USER_USER_H

#include "cpu-exec.h"

extern uint64_t user_base;          /* host address of the guest's address 0 */

/* --- provided by linux-user ------------------------------------------------------------------ */

/* PROT_* of the page as the guest set them; 0 when it is not mapped.
   With user_memory_lock() held. */
int user_page_prot(uint64_t page);
/* Keeps the map of the process as it is. Taken before region.c's lock. */
void user_memory_lock(void);
void user_memory_unlock(void);
/* Raises the guest's fault of an instruction fetch. */
_Noreturn void user_fetch_fault(struct cpu *cpu, uint64_t addr, bool mapped);

/* --- code.c, for linux-user ------------------------------------------------------------------ */

/* The mapping or the protection of the range is about to change: drops its code. The pages are left
   protected as they are. With user_memory_lock() held. */
void code_forget(uint64_t start, uint64_t len);
/* Others are going to store into the range (the kernel): drops its code, makes it writable. */
void code_open(uint64_t start, uint64_t len);
/* A store to a host address faulted: true when that was only because of code there, which is
   dropped now so that the store may be tried again. */
bool code_store_fault(struct cpu *cpu, uint64_t addr);
/* Whether there is any write-protected code in the range. */
bool code_is_closed(uint64_t start, uint64_t len);

/* --- cpus.c ---------------------------------------------------------------------------------- */

/* A vCPU as after a reset. */
struct cpu *user_cpu_create(const char *model, struct error **err);
/* One whose env is zero but for its hot part: the caller copies another's. */
struct cpu *user_cpu_alloc(struct error **err);
void user_cpu_free(struct cpu *cpu);
/* Around fork(); in the child process `only' is the one in use, in the parent it is NULL. */
void user_cpus_fork_begin(void);
void user_cpus_fork_end(const struct cpu *only);

#endif
