/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the architecture leaves open (UNPREDICTABLE, UNKNOWN, IMPLEMENTATION DEFINED) is not tried.
 * The rules go by the names of a pattern's arguments, as the manual's do.
 */
#include "lockstep.h"

#include <string.h>

#include "base/bits.h"

/* Bits that should be 0 or 1: other values are unpredictable. */
static const struct {
    const char *name, *file;
    uint8_t width;
    uint32_t mask, value;
} should_be[] = {
    { "SWP", "a32", 32, 0xf00, 0 }, { "CPS", "a32", 32, 0xfe00, 0 },
    { "CLREX", "a32", 32, 0x000fff0f, 0x000ff00f }, { "DSB", "a32", 32, 0x000fff00, 0x000ff000 },
    { "DMB", "a32", 32, 0x000fff00, 0x000ff000 }, { "ISB", "a32", 32, 0x000fff00, 0x000ff000 },
    { "PL", "a32", 32, 0xf000, 0xf000 },
    { "BX", "thumb", 16, 0x70000, 0 }, { "BLX_r", "thumb", 16, 0x70000, 0 },
    { "CPS", "thumb", 16, 0x80000, 0 },
    { "LDREXB", "thumb", 32, 0xf0f, 0xf0f }, { "LDREXH", "thumb", 32, 0xf0f, 0xf0f },
    { "LDREXD", "thumb", 32, 0xf, 0xf }, { "LDREX", "thumb", 32, 0xf00, 0xf00 },
    { "STREXB", "thumb", 32, 0xf00, 0xf00 }, { "STREXH", "thumb", 32, 0xf00, 0xf00 },
    { "TB", "thumb", 32, 0xff00, 0xf000 }, { "MSR", "thumb", 32, 0x20ff, 0 },
    { "NOP", "thumb", 32, 0x000f2800, 0x000f0000 },
    { "YIELD", "thumb", 32, 0x000f2800, 0x000f0000 },
    { "WF", "thumb", 32, 0x000f2800, 0x000f0000 }, { "SEV", "thumb", 32, 0x000f2800, 0x000f0000 },
    { "CPS", "thumb", 32, 0x000f2800, 0x000f0000 },
    { "CLREX", "thumb", 32, 0x000f2f0f, 0x000f0f0f }, { "D", "thumb", 32, 0x000f2f00, 0x000f0f00 },
    { "ISB", "thumb", 32, 0x000f2f00, 0x000f0f00 }, { "BXJ", "thumb", 32, 0x2fff, 0x0f00 },
    { "MRS", "thumb", 32, 0x000f20ff, 0x000f0000 },
};

static bool is(const struct pick *p, const char *prefix)
{
    return strncmp(p->row->name, prefix, strlen(prefix)) == 0;
}

/* Of Thumb's 32-bit instructions */
static bool wide(const struct pick *p, bool thumb)
{
    return thumb && p->in.flow.len == 4;
}

/* Patterns whose argument `name' may be the pc, or says something else by 15. */
static bool pc_allowed(const struct pick *p, const char *name, bool thumb)
{
    bool rn = strcmp(name, "rn") == 0, rm = strcmp(name, "rm") == 0, rd = strcmp(name, "rd") == 0;
    int op = pick_arg(p, "op");

    if (is(p, "DP_")) {
        if (wide(p, thumb)) {
            return (rn && (op == 13 || op == 15)) || (rd && (op & 0x1c) == 8);
        }
        return (rn || (rm && !is(p, "DP_shr"))) && !is(p, "DP_shr");
    }
    if (rn && (is(p, "LDR") || is(p, "PLD")) && !is(p, "LDREX")) {
        return pick_arg(p, "p") == 1 && pick_arg(p, "w") == 0 &&
               !strstr(p->row->name, "_rr");
    }
    if (rn && is(p, "VLDR")) {
        return pick_arg(p, "l") == 1;
    }
    if (strcmp(name, "rt") == 0 && is(p, "VMRS")) {
        return pick_arg(p, "reg") == 1;
    }
    if (strcmp(name, "ra") == 0) {
        return is(p, "SMULxy") || is(p, "SMULWy") || is(p, "SMLAD") || is(p, "SMLSD") ||
               is(p, "SMMLA") ||
               is(p, "USADA8");
    }
    if (rm && (strcmp(p->row->file, "neon-ls.decode") == 0)) {
        return true;
    }
    return rn && (is(p, "SXTA") || is(p, "UXTA") || is(p, "BFCI"));
}

static bool sp_allowed(const struct pick *p, const char *name, bool thumb)
{
    bool rn = strcmp(name, "rn") == 0, rd = strcmp(name, "rd") == 0;
    int op = pick_arg(p, "op");

    if (!wide(p, thumb) || strcmp(p->row->file, "neon-ls.decode") == 0) {
        return true;
    }
    if (is(p, "DP_i")) {
        return (rn && (op == 2 || op == 4 || op == 10)) ||
               (rd && pick_arg(p, "rn") == 13 && (op == 2 || op == 4));
    }
    return rn && rows_category(p->row) != CAT_INT && rows_category(p->row) != CAT_BRANCH;
}

/* The first entry counts. */
static bool as_it_should_be(const struct pick *p)
{
    for (unsigned i = 0; i < ARRAY_LEN(should_be); i++) {
        if (is(p, should_be[i].name) && should_be[i].width == p->row->width &&
            strncmp(p->row->file, should_be[i].file, strlen(should_be[i].file)) == 0 &&
            !(is(p, "DP_"))) {
            return (p->word & should_be[i].mask) == should_be[i].value;
        }
    }
    return true;
}

static bool registers_fine(const struct pick *p, bool thumb)
{
    static const char *const names[] = { "rd", "rn", "rm", "rs", "ra", "rt", "rt2" };

    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        int r = pick_arg(p, names[i]);

        if (r == 15 && !pc_allowed(p, names[i], thumb)) {
            return false;
        }
        if (r == 13 && !sp_allowed(p, names[i], thumb)) {
            return false;
        }
    }
    return true;
}

/* --- by kind of instruction ------------------------------------------------------------------ */

static bool dp_fine(const struct pick *p, bool thumb)
{
    uint32_t high = p->word >> 16;

    if (is(p, "DP_shi") && thumb && p->in.flow.len == 2 && high >> 10 == 0x11) {
        unsigned rd = (high & 7) | (high >> 4 & 8), rm = high >> 3 & 15;

        /* Compares need a high register, and no pc. */
        if (rd == 15 || rm == 15) {
            return false;
        }
        return (high >> 8 & 3) != 1 || rd >= 8 || rm >= 8;
    }
    return true;
}

static bool int_fine(const struct pick *p, bool thumb)
{
    int rd = pick_arg(p, "rd"), ra = pick_arg(p, "ra"), rn = pick_arg(p, "rn");
    bool longs = is(p, "UMULL") || is(p, "SMULL") || is(p, "UMLAL") || is(p, "SMLAL") ||
                 is(p, "SMLSLD") || is(p, "UMAAL");

    if (is(p, "DP_")) {
        return dp_fine(p, thumb);
    }
    if (longs && rd == ra) {
        return false;
    }
    if (!rows_has(F_V6) && (longs || is(p, "MUL") || is(p, "MLA")) &&
        (rd == rn || (longs && ra == rn))) {
        return false;
    }
    if (is(p, "BFCI")) {
        return pick_arg(p, "msb") >= pick_arg(p, "lsb");
    }
    if (is(p, "SBFX") || is(p, "UBFX")) {
        return pick_arg(p, "lsb") + pick_arg(p, "widthm1") <= 31;
    }
    if (wide(p, thumb) && (is(p, "SSAT16") || is(p, "USAT16"))) {
        return !(p->word & 0x30);
    }
    if (wide(p, thumb) && (is(p, "REV") || is(p, "RBIT") || is(p, "CLZ"))) {
        return (p->word >> 16 & 15) == (p->word & 15);      /* the register is there twice */
    }
    return true;
}

static bool block_fine(const struct pick *p, bool thumb)
{
    unsigned list = pick_arg(p, "list"), rn = pick_arg(p, "rn"), n = __builtin_popcount(list);
    bool load = is(p, "LDM"), w = pick_arg(p, "w");

    if (n == 0 || rn == 15 || pick_arg(p, "s") == 1 || list >> 15) {
        return false;
    }
    if (wide(p, thumb) && (n < 2 || list >> 13 & 1)) {
        return false;
    }
    if (w && list >> rn & 1) {
        return load ? thumb && p->in.flow.len == 2 : !(list & ((1u << rn) - 1)) && !wide(p, thumb);
    }
    return true;
}

static bool dual_fine(const struct pick *p)
{
    int rt = pick_arg(p, "rt"), rt2 = pick_arg(p, "rt2"), rn = pick_arg(p, "rn"),
        rm = pick_arg(p, "rm");
    bool load = is(p, "LDR"), changes = pick_arg(p, "w") || !pick_arg(p, "p"), a32 = rt2 < 0;

    if (a32) {
        if (rt & 1 || rt == 14 || (!pick_arg(p, "p") && pick_arg(p, "w"))) {
            return false;
        }
        rt2 = rt + 1;
    }
    if (rn == 15 && pick_arg(p, "imm") & 3) {
        return false;                               /* misaligned, see generate.c */
    }
    if (load && (rt == rt2 || (rm >= 0 && (rm == rt || rm == rt2)))) {
        return false;
    }
    return !changes || (rn != rt && rn != rt2 && rn != 15 && (rows_has(F_V6) || rn != rm));
}

static bool memory_fine(const struct pick *p, bool thumb)
{
    int rt = pick_arg(p, "rt"), rn = pick_arg(p, "rn"), rm = pick_arg(p, "rm");
    bool changes = pick_arg(p, "w") == 1 || pick_arg(p, "p") == 0;

    if (is(p, "STM") || is(p, "LDM")) {
        return block_fine(p, thumb);
    }
    if (is(p, "SWP")) {
        return rn != rt && rn != rm;
    }
    if (is(p, "LDRD") || is(p, "STRD")) {
        return dual_fine(p);
    }
    if (wide(p, thumb) && rt == 13 && !(is(p, "LDR_") && pick_arg(p, "p") == 1)) {
        return false;
    }
    return !changes || (rn != rt && rn != 15 && (rows_has(F_V6) || rn != rm));
}

static bool exclusive_fine(const struct pick *p)
{
    int rt = pick_arg(p, "rt"), rt2 = pick_arg(p, "rt2"), rn = pick_arg(p, "rn"),
        rd = pick_arg(p, "rd");
    bool dual = is(p, "LDREXD") || is(p, "STREXD");

    if (dual && rt2 < 0) {
        if (rt & 1 || rt == 14) {
            return false;
        }
        rt2 = rt + 1;
    }
    if (is(p, "LDREX")) {
        return !dual || rt != rt2;
    }
    return rd != rn && rd != rt && (!dual || rd != rt2);
}

static bool vector_memory_fine(const struct pick *p)
{
    int dp = pick_arg(p, "dp"), vd = pick_arg(p, "vd"), imm = pick_arg(p, "imm"),
        rn = pick_arg(p, "rn"), top = rows_has(F_D32) ? 32 : 16;

    if (is(p, "VLD_all") || is(p, "VLDST_one")) {
        static const uint8_t step[3] = { 1, 2, 2 };
        int n = pick_arg(p, "n"), size = pick_arg(p, "size"), index = pick_arg(p, "index");
        bool two = is(p, "VLD_all") ? pick_arg(p, "t") : size && index >> size & 1;

        return rn != 15 && vd + n * step[two] + (n == 0 && is(p, "VLD_all") && two) <= 31;
    }
    if (is(p, "VLDST_many")) {
        /* Of 32 bytes: the peer asks for 16. */
        return rn != 15 && vd + 6 <= 31 && pick_arg(p, "align") != 3;
    }
    if (is(p, "VLDM")) {
        int n = dp ? imm / 2 : imm;

        return n > 0 && n <= (dp ? 16 : 32) && vd + n <= (dp ? top : 32) && rn != 15 &&
               !(dp && imm & 1);
    }
    return !is(p, "VLDR") || !dp || vd < top;
}

static bool short_vectors(void)
{
    return rows_has(F_VFP2) && !rows_has(F_VFP4);
}

/*
 * Vectors of source and destination may be the same, or apart. The peer takes a wrong destination
 * for the second element of double precision of instructions with one operand.
 */
static bool vectors_fine(const struct pick *p)
{
    int vd = pick_arg(p, "vd"), vn = pick_arg(p, "vn"), vm = pick_arg(p, "vm"),
        bank = pick_arg(p, "dp") ? 4 : 8;

    if (vn < 0 && pick_arg(p, "dp") && vm >= 0 &&
        (is(p, "VNEG") || is(p, "VABS") || is(p, "VSQRT") || is(p, "VMOV"))) {
        return false;
    }
    return vd < 0 || ((vn < 0 || vd == vn || vd / bank != vn / bank) &&
                      (vm < 0 || vd == vm || vd / bank != vm / bank));
}

static bool vfp_fine(const struct pick *p)
{
    if (short_vectors() && !vectors_fine(p)) {
        return false;
    }
    if (is(p, "VMOV_2s") || is(p, "VMOV_d")) {
        return !(is(p, "VMOV_2s") && pick_arg(p, "vm") == 31) &&
               !(pick_arg(p, "l") && pick_arg(p, "rt") == pick_arg(p, "rt2"));
    }
    if (is(p, "VCVT_fix")) {
        return p->word & 128 || (p->word << 1 & 30) + (p->word >> 5 & 1) <= 16;
    }
    return true;
}

static bool simd_fine(const struct pick *p)
{
    if (is(p, "VTRN") || is(p, "VUZP") || is(p, "VZIP")) {
        return pick_arg(p, "vd") != pick_arg(p, "vm");
    }
    if (is(p, "VTBL")) {
        return pick_arg(p, "vn") + pick_arg(p, "len") <= 31;
    }
    return true;
}

static bool system_fine(const struct pick *p, bool thumb)
{
    if (is(p, "SVC")) {
        return false;                               /* generate.c makes these */
    }
    if (is(p, "MRS")) {
        return pick_arg(p, "r") == 0;
    }
    if (is(p, "MSR")) {
        /* Of CPSR, flags and GE; E is of SETEND. */
        return pick_arg(p, "r") == 0 && pick_arg(p, "mask") && !(pick_arg(p, "mask") & 2);
    }
    if (pick_arg(p, "cp") >= 0) {
        /* 1 and 2: the peer emulates an old FPU; 8 and 9: it has later loads there; 10 and 11: VFP;
           14 and 15: what a system allows. */
        return 0x30f9 >> pick_arg(p, "cp") & 1;
    }
    if (is(p, "VMSR") && short_vectors()) {
        return false;                               /* any length and stride */
    }
    if (is(p, "VMSR") || is(p, "VMRS")) {
        return pick_arg(p, "reg") == 1;
    }
    return true;
}

/* LDR and LDM that branch */
bool pick_legal_pc_load(const struct pick *p, bool thumb)
{
    int rn = pick_arg(p, "rn"), list = pick_arg(p, "list"), w = pick_arg(p, "w");

    if (rn == 15) {
        return false;
    }
    if (list < 0) {
        return pick_arg(p, "rt") == 15 && (pick_arg(p, "p") || !w);
    }
    if (!(list >> 15 & 1) || pick_arg(p, "s") || (w && list >> rn & 1)) {
        return false;
    }
    return !wide(p, thumb) || (!(list >> 13 & 3) && list != 1 << 15);
}

bool pick_legal(const struct pick *p, bool thumb)
{
    if (!registers_fine(p, thumb) || !as_it_should_be(p)) {
        return false;
    }
    switch (rows_category(p->row)) {
    case CAT_INT: return int_fine(p, thumb);
    case CAT_MEMORY: return memory_fine(p, thumb);
    case CAT_EXCLUSIVE: return exclusive_fine(p);
    case CAT_VECTOR_MEMORY: return vector_memory_fine(p);
    case CAT_VFP: return vfp_fine(p);
    case CAT_SIMD:
    case CAT_FLOAT: return simd_fine(p);
    case CAT_SYSTEM: return system_fine(p, thumb);
    default: return true;
    }
}
