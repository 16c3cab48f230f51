/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profiles in turn: each a CPU, a state and kinds of instructions. All patterns of the .decode
 * files must have been tried at the end, but for those that user mode cannot.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "lockstep.h"
#include "tests/tap.h"

static const struct profile profiles[] = {
    /*                                          int mem excl vfp simd float vmem branch system */
    { "arm-int", "cortex-a15", false, false,    { 10, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { "thumb-int", "cortex-a15", true, false,   { 10, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { "arm-memory", "cortex-a15", false, false, { 3, 8, 1, 0, 0, 0, 0, 0, 0 } },
    { "thumb-memory", "cortex-a15", true, false, { 3, 8, 1, 0, 0, 0, 0, 0, 0 } },
    { "arm-branch", "cortex-a15", false, false, { 5, 1, 0, 0, 0, 0, 0, 6, 0 } },
    { "thumb-branch", "cortex-a15", true, false, { 5, 1, 0, 0, 0, 0, 0, 6, 0 } },
    { "arm-vfp", "cortex-a15", false, false,    { 0, 0, 0, 10, 0, 0, 0, 0, 0 } },
    { "thumb-vfp", "cortex-a15", true, false,   { 0, 0, 0, 10, 0, 0, 1, 0, 0 } },
    { "arm-simd", "cortex-a15", false, false,   { 0, 0, 0, 0, 10, 4, 0, 0, 0 } },
    { "thumb-simd", "cortex-a15", true, false,  { 0, 0, 0, 0, 10, 4, 1, 0, 0 } },
    { "arm-floats", "cortex-a15", false, false, { 0, 0, 0, 0, 1, 12, 0, 0, 0 }, true },
    { "thumb-floats", "cortex-a15", true, false, { 0, 0, 0, 0, 1, 12, 0, 0, 0 }, true },
    { "arm-vector-memory", "cortex-a15", false, false, { 0, 0, 0, 0, 2, 1, 8, 0, 0 } },
    { "thumb-vector-memory", "cortex-a15", true, false, { 0, 0, 0, 0, 2, 1, 8, 0, 0 } },
    { "arm-system", "cortex-a15", false, false, { 5, 1, 0, 1, 1, 1, 0, 1, 6 } },
    { "thumb-system", "cortex-a15", true, false, { 5, 1, 0, 1, 1, 1, 0, 1, 6 } },
    { "arm-mixed", "cortex-a15", false, false,  { 6, 4, 1, 3, 3, 1, 2, 2, 1 } },
    { "thumb-mixed", "cortex-a15", true, false, { 6, 4, 1, 3, 3, 1, 2, 2, 1 } },
    { "a8-arm", "cortex-a8", false, false,      { 6, 3, 1, 3, 3, 1, 2, 2, 1 } },
    { "a8-thumb", "cortex-a8", true, false,     { 6, 3, 1, 3, 3, 1, 2, 2, 1 } },
    { "a8-vectors", "cortex-a8", false, true,   { 0, 0, 0, 10, 0, 0, 0, 0, 0 } },
    { "v6-arm", "arm1136", false, false,        { 6, 3, 1, 4, 0, 0, 1, 2, 1 } },
    { "v6-thumb", "arm1136", true, false,       { 6, 3, 0, 0, 0, 0, 0, 2, 1 } },
    { "v6-vectors", "arm1136", false, true,     { 0, 0, 0, 10, 0, 0, 1, 0, 0 } },
    { "v5-arm", "arm926", false, false,         { 6, 3, 0, 4, 0, 0, 1, 2, 1 } },
    { "v5-thumb", "arm926", true, false,        { 6, 3, 0, 0, 0, 0, 0, 2, 1 } },
    { "v4-arm", "ti925t", false, false,         { 6, 3, 0, 0, 0, 0, 0, 2, 1 } },
};

static struct {
    uint64_t count, seed;
    unsigned blocks, insns, failures;
    const char *only;
    bool quiet;
} options = { .count = 600000, .seed = 1, .blocks = 200, .insns = 40, .failures = 1 };

static void parse(int argc, char **argv)
{
    static const struct option longs[] = {
        { "count", 1, NULL, 'n' }, { "seed", 1, NULL, 's' }, { "insns", 1, NULL, 'i' },
        { "blocks", 1, NULL, 'b' }, { "only", 1, NULL, 'o' }, { "failures", 1, NULL, 'f' }, { 0 },
    };

    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
        switch (c) {
        case 'n': options.count = strtoull(optarg, NULL, 0); break;
        case 's': options.seed = strtoull(optarg, NULL, 0); break;
        case 'i': options.insns = MIN_OF(strtoul(optarg, NULL, 0), 60); break;
        case 'b': options.blocks = MIN_OF(strtoul(optarg, NULL, 0), MAX_BLOCKS); break;
        case 'o': options.only = optarg; break;
        case 'f': options.failures = strtoul(optarg, NULL, 0); break;
        default: exit(2);
        }
    }
}

static bool chosen(const struct profile *p)
{
    return !options.only || strstr(p->name, options.only);
}

static uint64_t executed(const struct batch *b)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < b->n_blocks; i++) {
        n += b->block[i].n;
    }
    return n * RUNS_PER_BLOCK;
}

/* Instructions, or 0 after too many differences. */
static uint64_t run_profile(struct peers *p, struct batch *b, const struct profile *profile,
                            uint64_t count)
{
    static struct outcome out[2];
    unsigned failures = 0;
    uint64_t done = 0;

    for (unsigned n = 0; done < count; n++) {
        struct batch copy;

        random_seed(options.seed * 1000003 + (profile - profiles) * 10007 + n);
        generate_batch(b, profile, options.blocks, profile->floats ? 10 : options.insns);
        encode_batch(b, rows_has(F_V6) ? p->block_end : p->block_end_old);
        peers_run(p, b, out);
        done += executed(b);
        if (!outcomes_equal(b, out)) {
            copy = *b;
            report_difference(p, &copy, out);
            if (++failures >= options.failures) {
                return 0;
            }
        }
    }
    return failures ? 0 : done;
}

static unsigned list_unused(void)
{
    unsigned unused = 0;

    for (unsigned i = 0; i < arm_ROWS; i++) {
        if (!rows_used[i] && !rows_excluded(&arm_rows[i])) {
            printf("# never tried: %s (%s:%u)\n", arm_rows[i].name, arm_rows[i].file,
                   arm_rows[i].line);
            unused++;
        }
    }
    return unused;
}

int main(int argc, char **argv)
{
    struct peers peers;
    static struct batch batch;
    const char *why;
    unsigned n = 0;
    uint64_t total = 0;

    parse(argc, argv);
    if (!peers_init(&peers, &why)) {
        printf("1..0 # SKIP %s\n", why);
        peers_done(&peers);
        return 0;
    }
    batch.block = calloc(MAX_BLOCKS, sizeof(*batch.block));
    batch.run = calloc(MAX_BLOCKS * RUNS_PER_BLOCK, sizeof(*batch.run));
    batch.code = calloc(1, MAX_CODE);
    for (unsigned i = 0; i < ARRAY_LEN(profiles); i++) {
        n += chosen(&profiles[i]);
    }
    for (unsigned i = 0; i < ARRAY_LEN(profiles); i++) {
        if (chosen(&profiles[i])) {
            uint64_t done = run_profile(&peers, &batch, &profiles[i], options.count / n);

            ok(done, "%s: %" PRIu64 " instructions", profiles[i].name, done);
            total += done;
            fflush(stdout);
        }
    }
    if (!options.only) {
        ok(list_unused() == 0, "every pattern was tried; %" PRIu64 " instructions in all", total);
    }
    peers_done(&peers);
    return tap_done();
}
