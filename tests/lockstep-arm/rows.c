/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patterns of the .decode files by category, and random instructions that fit them. */
#include "lockstep.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "target-arm/model.h"

/* Longer names before those they begin with. */
static const struct {
    const char *prefix;
    enum category category;
} by_name[] = {
    { "LDREX", CAT_EXCLUSIVE }, { "STREX", CAT_EXCLUSIVE },
    { "LDC", CAT_SYSTEM }, { "LD", CAT_MEMORY }, { "STM", CAT_MEMORY }, { "STR", CAT_MEMORY },
    { "SWP", CAT_MEMORY },
    { "BFC", CAT_INT }, { "BKPT", CAT_SYSTEM }, { "BX", CAT_BRANCH }, { "BL", CAT_BRANCH },
    { "B_", CAT_BRANCH }, { "CBZ", CAT_BRANCH }, { "TBB", CAT_BRANCH }, { "TBH", CAT_BRANCH },
    { "IT", CAT_NEVER }, { "MRS", CAT_SYSTEM }, { "MSR", CAT_SYSTEM }, { "SMC", CAT_SYSTEM },
    { "NOP", CAT_SYSTEM }, { "YIELD", CAT_SYSTEM }, { "WF", CAT_SYSTEM }, { "SEV", CAT_SYSTEM },
    { "UDF", CAT_SYSTEM }, { "SVC", CAT_SYSTEM }, { "MRC", CAT_SYSTEM }, { "MCR", CAT_SYSTEM },
    { "MRRC", CAT_SYSTEM }, { "SETEND", CAT_NEVER }, { "CPS", CAT_SYSTEM }, { "PLD", CAT_SYSTEM },
    { "PLI", CAT_SYSTEM }, { "CLREX", CAT_SYSTEM }, { "DSB", CAT_SYSTEM }, { "DMB", CAT_SYSTEM },
    { "ISB", CAT_SYSTEM }, { "RFE", CAT_NEVER }, { "SRS", CAT_NEVER }, { "ERET", CAT_NEVER },
    { "VMSR", CAT_SYSTEM }, { "VMRS", CAT_SYSTEM }, { "VLD", CAT_VECTOR_MEMORY },
};

static struct arm_env env;
static struct arm_dis dis;
/* Rows by category and state */
static struct list {
    unsigned n;
    uint16_t row[arm_ROWS];
} lists[2][CAT_COUNT + 1];
uint64_t *rows_used;

/* Of Advanced SIMD */
static bool is_float(const char *name)
{
    static const char *const ends[] = { "_f", "_sf", "_fs", "_fu", "_uf", "CPS", "RTS" };

    for (unsigned i = 0; i < ARRAY_LEN(ends); i++) {
        size_t len = strlen(name), n = strlen(ends[i]);

        if (len > n && strcmp(name + len - n, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum category rows_category(const struct decode_row *row)
{
    if (strcmp(row->name, "B") == 0) {
        return CAT_BRANCH;
    }
    for (unsigned i = 0; i < ARRAY_LEN(by_name); i++) {
        if (strncmp(row->name, by_name[i].prefix, strlen(by_name[i].prefix)) == 0) {
            return by_name[i].category;
        }
    }
    return strcmp(row->file, "neon.decode") == 0 ? is_float(row->name) ? CAT_FLOAT : CAT_SIMD
         : strcmp(row->file, "vfp.decode") == 0 ? CAT_VFP : CAT_INT;
}

const char *rows_excluded(const struct decode_row *row)
{
    static const char *const privileged[] = { "RFE", "SRS", "ERET_sub" };

    for (unsigned i = 0; i < ARRAY_LEN(privileged); i++) {
        if (strcmp(row->name, privileged[i]) == 0) {
            return "unpredictable in user mode";
        }
    }
    return NULL;
}

bool rows_has(enum arm_feature f)
{
    return env.features >> f & 1;
}

void rows_init(const struct profile *p)
{
    memset(&env, 0, sizeof(env));
    memset(lists, 0, sizeof(lists));
    if (!arm_model_apply(&env, p->cpu, NULL)) {
        abort();
    }
    dis = (struct arm_dis){ .env = &env, .features = env.features };
    rows_used = rows_used ? rows_used : calloc(arm_ROWS, sizeof(*rows_used));
    for (unsigned i = 0; i < arm_ROWS; i++) {
        const struct decode_row *row = &arm_rows[i];
        bool a32 = strncmp(row->file, "a32", 3) == 0, t32 = strcmp(row->file, "thumb.decode") == 0;

        for (unsigned thumb = 0; thumb < 2; thumb++) {
            struct list *l = &lists[thumb][rows_category(row)];

            if (!(thumb ? a32 : t32)) {
                l->row[l->n++] = i;
            }
        }
    }
}

int pick_arg(const struct pick *p, const char *name)
{
    const char *at = p->row->args;
    size_t len = strlen(name);

    for (unsigned i = 0; i < p->row->n_args; i++) {
        size_t n = strcspn(at, " ");

        if (n == len && memcmp(at, name, n) == 0) {
            return p->in.args.arg[i];
        }
        at += n + (at[n] == ' ');
    }
    return -1;
}

/* As the instruction stream has it: Thumb has SIMD under other numbers. */
static uint32_t to_state(const struct decode_row *row, uint32_t word, bool thumb)
{
    bool simd = strcmp(row->file, "neon.decode") == 0;
    bool ls = strcmp(row->file, "neon-ls.decode") == 0;

    if (thumb && simd) {
        return (word & 0xffffff) | 0xef000000 | (word & 1 << 24) << 4;
    }
    if (thumb && ls) {
        return (word & 0xffffff) | 0xf9000000;
    }
    if (simd || ls || strcmp(row->file, "a32-uncond.decode") == 0 ||
        strcmp(row->file, "thumb.decode") == 0) {
        return row->width == 16 ? word & 0xffff0000 : word;
    }
    return (word & 0x0fffffff) | (thumb || chance(70) ? 0xe0000000 : below(15) << 28);
}

static bool decode(struct pick *p, bool thumb, uint8_t it)
{
    uint8_t code[4];

    dis.thumb = thumb;
    if (thumb) {
        st16_le(code, p->word >> 16);
        st16_le(code + 2, p->word);
    } else {
        st32_le(code, p->word);
    }
    return arm_decode(&dis, &p->in, CODE_AT, it, code, 4) && p->in.row == p->row - arm_rows &&
           p->in.flow.len == p->row->width / 8;
}

/* force: ORed to what is free */
static bool try_row(struct pick *p, const struct decode_row *row, bool thumb, uint8_t it,
                    bool (*legal)(const struct pick *p, bool thumb), uint32_t force)
{
    p->row = row;
    for (unsigned tries = 0; tries < 4000; tries++) {
        p->word = to_state(row, row->bits | ((random32() | force) & ~row->mask), thumb);
        if (!decode(p, thumb, it)) {
            if (tries > 40) {
                return false;                       /* mostly: the core does not have it */
            }
        } else if (legal(p, thumb)) {
            return true;
        }
    }
    return false;
}

bool rows_pick(struct pick *p, enum category c, bool thumb, uint8_t it)
{
    const struct list *l = &lists[thumb][c];

    for (unsigned tries = 0; l->n && tries < 20; tries++) {
        if (try_row(p, &arm_rows[l->row[below(l->n)]], thumb, it, pick_legal, 0)) {
            return true;
        }
    }
    return false;
}

static unsigned find_named(const char *const *names, bool thumb, uint16_t fit[arm_ROWS])
{
    unsigned n = 0;

    for (unsigned c = 0; c <= CAT_COUNT; c++) {
        const struct list *l = &lists[thumb][c];

        for (unsigned i = 0; i < l->n; i++) {
            for (const char *const *name = names; *name; name++) {
                if (strcmp(arm_rows[l->row[i]].name, *name) == 0) {
                    fit[n++] = l->row[i];
                }
            }
        }
    }
    return n;
}

bool rows_pick_named(struct pick *p, const char *const *names, bool thumb, uint8_t it)
{
    static uint16_t fit[arm_ROWS];
    unsigned n = find_named(names, thumb, fit);

    for (unsigned tries = 0; n && tries < 20; tries++) {
        if (try_row(p, &arm_rows[fit[below(n)]], thumb, it, pick_legal, 0)) {
            return true;
        }
    }
    return false;
}

bool rows_pick_load_of_pc(struct pick *p, bool thumb)
{
    static const char *const names[] = { "LDR_ri", "LDM", NULL };
    static uint16_t fit[arm_ROWS];
    unsigned n = find_named(names, thumb, fit);

    for (unsigned tries = 0; n && tries < 20; tries++) {
        const struct decode_row *row = &arm_rows[fit[below(n)]];
        bool list = strcmp(row->name, "LDM") == 0;

        if (try_row(p, row, thumb, 0, pick_legal_pc_load,
                    row->width == 16 ? 1u << 24 : list ? 0x8000 : 0xf000)) {
            return true;
        }
    }
    return false;
}
