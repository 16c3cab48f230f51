/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs random programs on both sides, compares, and cuts a failing one down to its last
 * instruction.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "generate.h"
#include "tcg/disas.h"
#include "tests/tap.h"

static struct {
    bool code64, quiet;
    unsigned insns, max_failures;
    uint64_t count, seed;
    const char *only;
} options = { .code64 = TARGET_WORD_BITS == 64, .insns = 20, .max_failures = 5, .count = 20000 };

static char difference[256];

static bool differ(const char *what, uint64_t native, uint64_t ours)
{
    snprintf(difference, sizeof(difference), "%s: host 0x%" PRIx64 ", ours 0x%" PRIx64, what,
             native, ours);
    return true;
}

static bool compare_fx(const struct machine_state *a, const struct machine_state *b)
{
    char name[16];

    if (ld16_le(a->fx) != ld16_le(b->fx)) {
        return differ("fcw", ld16_le(a->fx), ld16_le(b->fx));
    }
    if (ld16_le(a->fx + 2) != ld16_le(b->fx + 2)) {
        return differ("fsw", ld16_le(a->fx + 2), ld16_le(b->fx + 2));
    }
    if (a->fx[4] != b->fx[4]) {
        return differ("ftw", a->fx[4], b->fx[4]);
    }
    if (ld32_le(a->fx + 24) != ld32_le(b->fx + 24)) {
        return differ("mxcsr", ld32_le(a->fx + 24), ld32_le(b->fx + 24));
    }
    for (unsigned i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "st%u", i);
        if (memcmp(a->fx + 32 + 16 * i, b->fx + 32 + 16 * i, 10)) {
            return ld16_le(a->fx + 40 + 16 * i) != ld16_le(b->fx + 40 + 16 * i)
                   ? differ(name, ld16_le(a->fx + 40 + 16 * i), ld16_le(b->fx + 40 + 16 * i))
                   : differ(name, ld64_le(a->fx + 32 + 16 * i), ld64_le(b->fx + 32 + 16 * i));
        }
    }
    for (unsigned i = 0; i < (options.code64 ? 32 : 16); i++) {
        snprintf(name, sizeof(name), "xmm%u.%u", i / 2, i % 2);
        if (ld64_le(a->fx + 160 + 8 * i) != ld64_le(b->fx + 160 + 8 * i)) {
            return differ(name, ld64_le(a->fx + 160 + 8 * i), ld64_le(b->fx + 160 + 8 * i));
        }
    }
    return false;
}

static bool compare_memory(const char *what, const uint8_t *a, const uint8_t *b, size_t size)
{
    char name[32];

    for (size_t i = 0; memcmp(a, b, size) && i < size; i++) {
        if (a[i] != b[i]) {
            snprintf(name, sizeof(name), "%s[0x%zx]", what, i);
            return differ(name, a[i], b[i]);
        }
    }
    return false;
}

/* Elsewhere the host may have pages of its own. */
static bool in_areas(uint64_t a)
{
    return a - CODE_AT < CODE_SIZE || a - DATA_AT < DATA_SIZE || a - STACK_AT < STACK_SIZE;
}

static bool differs(const struct machine_state *a, const struct outcome *oa,
                    struct machine_state *b, const struct outcome *ob, uint32_t undefined)
{
    static const char names[16][4] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                       "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };
    uint32_t flags = (FL_ARITH | FL_DF | FL_TF | FL_NT | FL_AC | FL_ID) & ~undefined;
    uint64_t mask = options.code64 ? ~0ull : 0xffffffff;
    char where[80];

    if (oa->vector != ob->vector) {
        return differ("exception", oa->vector, ob->vector);
    }
    /* Which state components XSAVE finds in their initial state is the model's own affair. */
    b->data[XSAVE_AT - DATA_AT + 512] = a->data[XSAVE_AT - DATA_AT + 512];
    if (((a->rip ^ b->rip) & mask)) {
        snprintf(where, sizeof(where), "rip of exception %d (%" PRIx64 ", %" PRIx64 ")",
                 oa->vector, oa->fault_addr, ob->fault_addr);
        return differ(where, a->rip, b->rip);
    }
    if (oa->vector == EXC_PF && (oa->fault_addr & mask) != (ob->fault_addr & mask)) {
        return differ("fault address", oa->fault_addr, ob->fault_addr);
    }
    if (oa->vector == EXC_PF && ((oa->error_code ^ ob->error_code) &
                                 (in_areas(oa->fault_addr) ? 7 : 6))) {
        return differ("error code", oa->error_code, ob->error_code);
    }
    for (unsigned i = 0; i < (options.code64 ? 16 : 8); i++) {
        if ((a->regs[i] ^ b->regs[i]) & mask) {
            return differ(names[i], a->regs[i], b->regs[i]);
        }
    }
    if ((a->rflags ^ b->rflags) & flags) {
        return differ("flags", a->rflags & flags, b->rflags & flags);
    }
    return compare_fx(a, b) || compare_memory("data", a->data, b->data, DATA_SIZE) ||
           compare_memory("stack", a->stack, b->stack, STACK_SIZE) ||
           compare_memory("code", a->code, b->code, MAX_CODE);
}

/* Which flags nobody promises at the address where it ended. Without strict flags a fault may show
   old ones where the instructions to come overwrite them. */
static uint32_t undefined_at(const struct program *p, uint64_t rip)
{
    if (!log_enabled(LOG_STRICT_FLAGS) && rip != CODE_AT + p->start[p->n]) {
        return FL_ARITH;
    }
    for (unsigned i = 0; i <= p->n; i++) {
        if (CODE_AT + p->start[i] == rip) {
            return p->undefined[i];
        }
    }
    return FL_ARITH;
}

/*
 * XRSTOR of (%rbx) must be refused when the area's header names components beyond x87 and SSE, all
 * that the guest has switched on; the host has more. Any other #GP is a difference.
 */
static bool is_xrstor_refused(const struct program *p, const struct outcome *out,
                              const struct machine_state *ours)
{
    uint64_t at = ours->rip - CODE_AT, area = ours->regs[R_BX] - DATA_AT;

    at += at < p->len && p->code[at] == 0x48;
    return out->vector == EXC_GP && at + 2 < p->len &&
           memcmp(p->code + at, "\x0f\xae\x2b", 3) == 0 &&
           area <= DATA_SIZE - 576 && (ld64_le(ours->data + area + 512) & ~3ull);
}

static bool run_both(const struct program *p, const struct machine_state *start,
                     unsigned max_insns, uint64_t *executed)
{
    static struct machine_state native, ours;
    struct outcome on, oo;

    native = *start;
    ours = *start;
    native_run(p, &native, &on);
    emulate_run(p, &ours, &oo, max_insns);
    for (unsigned i = 0; i < p->n && CODE_AT + p->start[i] < native.rip; i++) {
        ++*executed;
    }
    return !is_xrstor_refused(p, &oo, &ours) &&
           differs(&native, &on, &ours, &oo, undefined_at(p, native.rip));
}

static void cut(struct program *p, unsigned n)
{
    p->n = n;
    p->len = p->start[n];
    p->code[p->len++] = 0x0f;
    p->code[p->len++] = 0x0b;
    memset(p->code + p->len, 0xcc, MAX_CODE - p->len);
}

static void report(const struct program *whole, const struct machine_state *start,
                   unsigned max_insns, uint64_t run)
{
    struct program p = *whole;
    uint64_t ignored = 0;

    for (unsigned n = 1; n <= whole->n; n++) {
        struct program shorter = *whole;

        cut(&shorter, n);
        if (run_both(&shorter, start, max_insns, &ignored)) {
            p = shorter;
            break;
        }
    }
    run_both(&p, start, max_insns, &ignored);
    printf("# run %" PRIu64 " (--seed %" PRIu64 "), regions of %u: %s\n", run, options.seed,
           max_insns, difference);
    for (unsigned i = 0; i < (options.code64 ? 16 : 8); i++) {
        printf("%s%" PRIx64 "%s", i % 8 ? " " : "#   ", start->regs[i], i % 8 == 7 ? "\n" : "");
    }
    printf("#   flags %" PRIx64 " mxcsr %x fcw %x fsw %x ftw %x\n", start->rflags,
           ld32_le(start->fx + 24), ld16_le(start->fx), ld16_le(start->fx + 2), start->fx[4]);
    for (unsigned i = 0; i < p.n; i++) {
        printf("#   ");
        for (unsigned b = p.start[i]; b < p.start[i + 1]; b++) {
            printf("%02x", p.code[b]);
        }
        printf("  ");
        disas_print(stdout, options.code64 ? 64 : 32, CODE_AT + p.start[i], p.code + p.start[i],
                    p.start[i + 1] - p.start[i]);
    }
}

static unsigned list_unused(void)
{
    unsigned unused = 0;

    for (unsigned i = 0; i < x86_opcode_count; i++) {
        if (generate_eligible(i) && !generate_used[i]) {
            printf("# never generated: %s (map %u, %02x)\n", x86_opcodes[i].name,
                   x86_opcodes[i].map, x86_opcodes[i].opcode);
            unused++;
        }
    }
    return unused;
}

static void parse(int argc, char **argv)
{
    static const struct option longs[] = {
        { "count", 1, NULL, 'n' }, { "seed", 1, NULL, 's' }, { "insns", 1, NULL, 'i' },
        { "only", 1, NULL, 'o' }, { "code32", 0, NULL, '3' }, { "failures", 1, NULL, 'f' },
        { "log", 1, NULL, 'd' }, { 0 },
    };

    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
        switch (c) {
        case 'n': options.count = strtoull(optarg, NULL, 0); break;
        case 's': options.seed = strtoull(optarg, NULL, 0); break;
        case 'i': options.insns = MIN_OF(strtoul(optarg, NULL, 0), MAX_PROGRAM - 8); break;
        case 'o': options.only = optarg; break;
        case '3': options.code64 = false; break;
        case 'f': options.max_failures = strtoul(optarg, NULL, 0); break;
        case 'd': log_set_mask_string(optarg, NULL); break;
        default:
            fprintf(stderr, "usage: lockstep [--count PROGRAMS] [--seed N] [--insns N] [--code32] "
                    "[--only NAME] [--failures N] [--log BITS]\n");
            exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    static bool host_has[FEAT_COUNT], has[FEAT_COUNT];
    static struct program p;
    static struct machine_state start;
    uint64_t executed = 0;
    unsigned failures = 0;

    parse(argc, argv);
    native_init();
    emulate_init(options.code64);
    native_features(host_has);
    for (unsigned i = 0; i < FEAT_COUNT; i++) {
        has[i] = i == FEAT_NONE || (host_has[i] && emulate_has(i));
    }
    generate_init(options.code64, has, options.only);
    for (uint64_t run = 0; run < options.count && failures < options.max_failures; run++) {
        random_seed(options.seed + run);
        p.code64 = options.code64;
        generate_program(&p, 1 + random_below(options.insns));
        generate_state(&start, options.code64);
        log_mask = run & 1 ? log_mask | LOG_STRICT_FLAGS : log_mask & ~LOG_STRICT_FLAGS;
        for (unsigned max = 256; max; max = max == 256 && run % 4 == 0 ? 1 : 0) {
            if (run_both(&p, &start, max, &executed)) {
                report(&p, &start, max, options.seed + run);
                failures++;
                break;
            }
        }
    }
    ok(failures == 0, "%" PRIu64 " programs, %" PRIu64 " instructions agree with the host",
       options.count, executed);
    if (!options.only && options.count >= 20000) {
        ok(list_unused() == 0, "every eligible row of the opcode table was run");
    }
    return tap_done();
}
