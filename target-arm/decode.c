/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From code bytes to a decoded instruction: which table, which condition, where control goes. */
#include "target-arm/decode.h"

#include "base/bits.h"
#include "target-arm/flags.h"

/* Flags that a condition reads. */
static const uint8_t cond_reads[16] = {
    FL_Z, FL_Z, FL_C, FL_C, FL_N, FL_N, FL_V, FL_V, FL_C | FL_Z, FL_C | FL_Z, FL_N | FL_V,
    FL_N | FL_V, FL_NZ | FL_V, FL_NZ | FL_V, 0, 0,
};

static uint32_t fetch(const struct arm_dis *d, const uint8_t *code, unsigned size)
{
    bool big = d->mode & KEY_BE_CODE;

    if (size == 2) {
        return big ? ld16_be(code) : ld16_le(code);
    }
    return big ? ld32_be(code) : ld32_le(code);
}

static bool is_coprocessor_fp(uint32_t word)
{
    return (word >> 25 & 7) >= 6 && (word >> 24 & 15) != 15 && (word >> 9 & 7) == 5;
}

static int decode_a32(struct arm_dis *d, struct arm_insn *in)
{
    uint32_t word = in->word;
    int row = -1;

    in->cond = word >> 28;
    if (in->cond == COND_NV) {
        in->cond = COND_AL;
        if (!arm_dis_has(d, F_V5)) {
            return -1;
        }
        if ((word >> 25 & 7) == 1) {
            row = arm_decode_neon(d, word, &in->args);
        } else if ((word >> 24 & 15) == 4 && !(word >> 20 & 1)) {
            row = arm_decode_neon_ls(d, word, &in->args);
        }
        return row >= 0 ? row : arm_decode_a32_uncond(d, word, &in->args);
    }
    if (is_coprocessor_fp(word)) {
        row = arm_decode_vfp(d, word, &in->args);
    }
    return row >= 0 ? row : arm_decode_a32(d, word, &in->args);
}

/* Thumb has the same VFP instructions, and Advanced SIMD in other places. */
static int decode_thumb(struct arm_dis *d, struct arm_insn *in)
{
    uint32_t word = in->word;
    int row = -1;

    in->cond = d->it ? d->it >> 4 : COND_AL;
    if (in->cond == COND_NV) {
        in->cond = COND_AL;
    }
    if (in->flow.len == 4 && arm_dis_has(d, F_T2)) {
        if (word >> 28 == 14 && is_coprocessor_fp(word)) {
            row = arm_decode_vfp(d, word, &in->args);
        } else if ((word >> 24 & 0xef) == 0xef) {
            row = arm_decode_neon(d, 0xf2000000 | (word >> 28 & 1) << 24 | (word & 0xffffff),
                                  &in->args);
        } else if (word >> 24 == 0xf9 && !(word >> 20 & 1)) {
            row = arm_decode_neon_ls(d, 0xf4000000 | (word & 0xffffff), &in->args);
        }
    }
    return row >= 0 ? row : arm_decode_thumb(d, word, &in->args);
}

/* Whether the instruction writes the pc by itself. */
static bool writes_pc(const struct arm_insn *in, unsigned op)
{
    const union arm_args *a = &in->args;

    switch (op) {
    case arm_OP_DP_i: return a->dp_i.rd == R_PC && (a->dp_i.op & 0x1c) != 8;
    case arm_OP_DP_shi: return a->dp_shi.rd == R_PC && (a->dp_shi.op & 0x1c) != 8;
    case arm_OP_DP_shr: return a->dp_shr.rd == R_PC && (a->dp_shr.op & 0x1c) != 8;
    case arm_OP_LDR_ri: return a->ldst_ri.rt == R_PC;
    case arm_OP_LDR_rr: return a->ldst_rr.rt == R_PC;
    case arm_OP_LDM: return a->block.list >> 15 & 1;
    }
    return false;
}

static bool compare_sets_all(const struct arm_insn *in, unsigned op)
{
    switch (op) {
    case arm_OP_DP_i: return 0x00000cfc >> (in->args.dp_i.op & 31) & 1;
    case arm_OP_DP_shi: return 0x00000cfc >> (in->args.dp_shi.op & 31) & 1;
    case arm_OP_DP_shr: return 0x00000cfc >> (in->args.dp_shr.op & 31) & 1;
    }
    return false;
}

static int sets_flags(const struct arm_insn *in, unsigned op)
{
    switch (op) {
    case arm_OP_DP_i: return in->args.dp_i.s;
    case arm_OP_DP_shi: return in->args.dp_shi.s;
    case arm_OP_DP_shr: return in->args.dp_shr.s;
    case arm_OP_MUL: return in->args.s_rrr.s;
    default: return in->args.s_rrrr.s;
    }
}

static bool reads_carry(const struct arm_insn *in, unsigned op)
{
    switch (op) {
    case arm_OP_DP_i: return in->args.dp_i.op >= 5 && in->args.dp_i.op <= 7;
    case arm_OP_DP_shi:
        return (in->args.dp_shi.op >= 5 && in->args.dp_shi.op <= 7) ||
               (in->args.dp_shi.shty == 3 && in->args.dp_shi.shim == 0);
    case arm_OP_DP_shr: return in->args.dp_shr.op >= 5 && in->args.dp_shr.op <= 7;
    }
    return false;
}

static bool may_read_carry_shift(const struct arm_insn *in, unsigned op)
{
    return op == arm_OP_LDR_rr || op == arm_OP_STR_rr || op == arm_OP_LDRB_rr ||
           op == arm_OP_STRB_rr;
}

static void note_flags(struct arm_insn *in, const struct decode_row *row)
{
    struct flow_insn *f = &in->flow;

    f->reads = cond_reads[in->cond];
    f->writes = 0;
    if (!row) {
        f->reads = FL_NZCV;
        return;
    }
    if (row->attrs & ATTR_sets) {
        if (reads_carry(in, row->op)) {
            f->reads |= FL_C;
        }
        if (sets_flags(in, row->op) && in->cond == COND_AL) {
            f->writes = compare_sets_all(in, row->op) ? FL_NZCV : FL_NZ;
        }
    } else if (row->attrs & ATTR_nzcv && in->cond == COND_AL) {
        f->writes = FL_NZCV;
    } else if (row->op == arm_OP_B_cond) {
        f->reads |= cond_reads[in->args.cond_i.cond];
    } else if (row->op == arm_OP_IT) {
        f->reads |= 0;
    } else if (may_read_carry_shift(in, row->op)) {
        f->reads |= in->args.ldst_rr.shty == 3 && in->args.ldst_rr.shim == 0 ? FL_C : 0;
    } else if (row->op == arm_OP_MRS || row->op == arm_OP_SVC) {
        f->reads = FL_NZCV;
    }
}

static void note_flow(const struct arm_dis *d, struct arm_insn *in, const struct decode_row *row)
{
    struct flow_insn *f = &in->flow;
    uint64_t here = f->pc + (d->thumb ? 4 : 8);

    f->flags = 0;
    if (!row) {
        f->flags = FLOW_END;
    } else if (row->attrs & ATTR_branch) {
        int offset = row->op == arm_OP_B ? in->args.i.imm : row->op == arm_OP_CBZ
                     ? in->args.cbz.imm : in->args.cond_i.imm;

        f->target = (uint32_t)(here + (int64_t)offset);
        f->flags = FLOW_BRANCH | (row->op == arm_OP_B && in->cond == COND_AL ? FLOW_END : 0);
    } else if (row->attrs & ATTR_call) {
        f->target = (uint32_t)(here + (int64_t)in->args.i.imm);
        f->flags = in->cond == COND_AL ? FLOW_END | FLOW_CALL : 0;
        f->reads |= in->cond == COND_AL ? 0 : FL_NZCV;
    } else if (row->attrs & ATTR_end || writes_pc(in, row->op)) {
        f->flags = in->cond == COND_AL ? FLOW_END : 0;
        f->reads |= in->cond == COND_AL ? 0 : FL_NZCV;
    }
}

/* The IT state behind an instruction. */
static uint8_t advance_it(uint8_t it)
{
    return it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
}

static bool may_select(const struct arm_insn *in, const struct decode_row *row)
{
    return row && row->attrs & ATTR_sel && !writes_pc(in, row->op) &&
           !(row->attrs & ATTR_sets && sets_flags(in, row->op));
}

bool arm_decode(void *opaque, void *insn, uint64_t pc, uint32_t state, const uint8_t *code,
                unsigned len)
{
    struct arm_dis *d = opaque;
    struct arm_insn *in = insn;
    const struct decode_row *row;

    in->flow = (struct flow_insn){ .pc = pc, .state = state, .len = 4 };
    d->it = state;
    if (d->thumb) {
        if (len < 2) {
            return false;
        }
        in->word = fetch(d, code, 2) << 16;
        in->flow.len = in->word >> 27 >= 29 ? 4 : 2;
    }
    if (len < in->flow.len) {
        return false;
    }
    in->flow.next = (uint32_t)(pc + in->flow.len);
    if (!d->thumb) {
        in->word = fetch(d, code, 4);
        in->row = decode_a32(d, in);
    } else {
        in->word |= in->flow.len == 4 ? fetch(d, code + 2, 2) : 0;
        in->row = decode_thumb(d, in);
    }
    row = in->row >= 0 ? &arm_rows[in->row] : NULL;
    in->flow.next_state = advance_it(state);
    if (row && row->op == arm_OP_IT) {
        in->flow.next_state = in->args.it.cond_mask;
    }
    note_flags(in, row);
    note_flow(d, in, row);
    in->selectable = may_select(in, row);
    in->sets = !row || row->attrs & (ATTR_nzcv | ATTR_may) ||
               (row->attrs & ATTR_sets && sets_flags(in, row->op));
    return true;
}
