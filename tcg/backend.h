/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From IR to host code. A backend fixes once per target which globals live in host registers for
 * good; translated code keeps them there across blocks, regions and chaining. C code sees env only:
 * the thunks around helpers and the way in and out of translated code move them.
 */
#ifndef TCG_BACKEND_H
#define TCG_BACKEND_H

#include "tcg/ir.h"
#include "tcg/region.h"

/*
 * What one compilation leaves behind: from `at' on, without gaps, hot code, cold code, side table.
 * region_by_host() must find every address in [host, host_end).
 */
struct compiled {
    uint32_t host, host_end;            /* offsets in the code buffer: entry, end of all its code */
    uint32_t cold, cold_end;            /* the out-of-line part of that; cold_end == host_end */
    bool alone;                         /* atomic operations without a lock: region_memory_alone */
    uint32_t side_table, side_len;      /* side_table + side_len: first byte not used */
    unsigned n_exits;
    struct {
        uint32_t patch, stub, lookup;
        /* in this page: others go through the jump cache, unlisted */
        uint64_t pc;
    } exits[REGION_MAX_EXITS];
    unsigned n_entries;
    struct region_entry entries[IR_MAX_ENTRIES];        /* the IR's, as far as they were reached */
};

/* Once per process: chooses pins, emits entry, exit and thunks at the start of the buffer.
   Returns the number of bytes used. user: guest memory is the host's, see backend_fault(). */
size_t backend_init(const struct target *target, bool user, uint8_t *buffer, size_t size);
/* Compiles at buffer + at, at most `room' bytes. False: does not fit (flush and retry) or, with
   *too_big, the region needs fewer instructions. */
bool backend_compile(struct ir *ir, const struct code_key *key, uint8_t *buffer, uint32_t at,
                     size_t room, struct compiled *out, bool *too_big);
/* A way in for other regions, of BACKEND_ENTRY_ROOM bytes at most: looks whether to leave, then
   jumps to one of out->entries. Returns its end. */
enum { BACKEND_ENTRY_ROOM = 64 };
uint32_t backend_enter(uint8_t *buffer, uint32_t at, const struct region_entry *entry);
enum exit_reason {
    EXIT_POLL,                          /* exit_req was seen; env.pc is right */
    EXIT_LOOKUP,                        /* no region for env.pc yet (indirect or mode changed) */
    EXIT_CHAIN,                         /* an unchained direct exit: *slot tells which; found with
                                           region_by_host(), exits[] in the order of compiled */
    EXIT_LOOP,                          /* exit_loop op */
    EXIT_CHECK,                         /* a check op of the region that hot.scratch[1] is in */
};
/* Around all that a vCPU's thread runs between stops: the guest's floating-point environment. sync
   brings env up to date without leaving, and after a longjmp. */
void backend_fp_enter(void *env);
void backend_fp_sync(void *env);
void backend_fp_leave(void *env);
/* Runs translated code at `host' until it leaves; all globals are in env before and after. Returns
   what it left for. */
enum exit_reason backend_run(void *env, const void *host, struct region_exit **slot);
/* Points a direct exit at a region's entry, or (host == stub) back. One atomic store. */
void backend_patch(uint8_t *buffer, uint32_t patch, uint32_t host);
/* Makes env precise for the observer whose host return address is ra: pc and deferred globals. */
void backend_restore(struct cpu *cpu, const uint8_t *buffer, const struct region *region,
                     uintptr_t ra);

/*
 * User mode, in the handler of a host signal that a guest instruction caused: env gets what was in
 * host registers (context is the handler's third argument) and hot.ra, so that cpu_raise() may
 * follow. False: translated code was not running, but what it called may have been.
 */
bool backend_fault(void *env, void *context);
/* The same handler is going to leave by a longjmp: env gets what was in the x87 unit, which the
   kernel has reset. */
void backend_fault_leaves(void *env, void *context);
/* User mode, once per thread: where the guest's address 0 is on the host (32-bit guests). */
void backend_set_base(uint64_t base);

#endif
