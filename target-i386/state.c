/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The saved part of the CPU's state; what creation fixes and what is cached is not in it. */
#include "target-i386/sys.h"

#include "hw/core/state.h"

static const struct field segment_fields[] = {
    FIELD(x86_segment, selector), FIELD(x86_segment, flags), FIELD(x86_segment, limit),
    FIELD(x86_segment, base), FIELDS_END
};
static const struct field fpreg_fields[] = {
    FIELD(x86_fpreg, mant), FIELD(x86_fpreg, exp), FIELDS_END
};
static const struct field mtrr_fields[] = {
    FIELD(x86_mtrr, base), FIELD(x86_mtrr, mask), FIELDS_END
};

#define STRUCTS(m, element, table)                                                                 \
    FIELD_ROW(x86_env, m, element, FIELD_STRUCT, 1, table)

const struct field x86_state_fields[] = {
    ARRAY(x86_env, regs), FIELD(x86_env, cc_op), FIELD(x86_env, df), FIELD(x86_env, cc_a),
    FIELD(x86_env, cc_b), FIELD(x86_env, cc_c), FIELD(x86_env, pc), FIELD(x86_env, eflags),
    FIELD(x86_env, mode_inhibit), STRUCTS(segs, struct x86_segment, segment_fields),
    STRUCTS(ldt, struct x86_segment, segment_fields),
    STRUCTS(tr, struct x86_segment, segment_fields),
    FIELD(x86_env, gdt_limit), FIELD(x86_env, idt_limit), FIELD(x86_env, gdt_base),
    FIELD(x86_env, idt_base), FIELD(x86_env, cpl),
    { "xmm", offsetof(struct x86_env, xmm), 8, 2 * 16, FIELD_U64, 1, NULL },
    FIELD(x86_env, mxcsr), STRUCTS(fpregs, struct x86_fpreg, fpreg_fields), FIELD(x86_env, fpuc),
    FIELD(x86_env, fpus), FIELD(x86_env, fop), FIELD(x86_env, fptop), FIELD(x86_env, fptags),
    FIELD(x86_env, fpcs), FIELD(x86_env, fpds), FIELD(x86_env, fpip), FIELD(x86_env, fpdp),
    ARRAY(x86_env, cr), FIELD(x86_env, cr8), FIELD(x86_env, xcr0), ARRAY(x86_env, dr),
    FIELD(x86_env, efer), FIELD(x86_env, star), FIELD(x86_env, lstar), FIELD(x86_env, cstar),
    FIELD(x86_env, fmask), FIELD(x86_env, kernel_gs_base), FIELD(x86_env, tsc_aux),
    FIELD(x86_env, pat), FIELD(x86_env, apic_base), FIELD(x86_env, sysenter_cs),
    FIELD(x86_env, sysenter_esp), FIELD(x86_env, sysenter_eip), FIELD(x86_env, tsc_offset),
    FIELD(x86_env, tsc_deadline), FIELD(x86_env, misc_enable), FIELD(x86_env, smbase),
    FIELD(x86_env, mtrr_def), ARRAY(x86_env, mtrr_fixed),
    STRUCTS(mtrr_var, struct x86_mtrr, mtrr_fields), FIELD(x86_env, mcg_cap),
    FIELD(x86_env, mcg_status), FIELD(x86_env, mcg_ctl), ARRAY(x86_env, mce_banks),
    FIELD(x86_env, smi_pending), FIELD(x86_env, in_smm), FIELD(x86_env, nmi_blocked),
    FIELD(x86_env, a20_mask_off), FIELD(x86_env, old_exception), FIELD(x86_env, fault_addr),
    FIELD(x86_env, fault_next_pc_delta), FIELD(x86_env, db_pending), FIELD(x86_env, wait_sipi),
    FIELD(x86_env, sipi_vector), FIELDS_END
};
