/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of run-time helpers. */
#include "target-arm/helpers.h"

#define IR_OF_void I32 + IR_NONE
#define IR_OF_uint32_t I32
#define IR_OF_uint64_t I64
/* The rows' flags, in a scope of their own */
enum {
    RAISES = HELPER_RAISES, NORETURN = HELPER_NORETURN | HELPER_RAISES, PURE = HELPER_PURE,
    NO_XMM = HELPER_NO_XMM, MXCSR = HELPER_MXCSR,
};

const struct ir_helper arm_helpers[H_COUNT] = {
#define HELPER(ret, name, nargs, params, flags, reads, writes) \
    { #name, helper_##name, IR_OF_##ret, nargs, flags, reads, writes },
#include "target-arm/helpers.def"
#undef HELPER
};
