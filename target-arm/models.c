/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU models and the -cpu option. */
#include "target-arm/model.h"
#include "target-arm/cpu.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/error.h"

/* Values from the cores' technical reference manuals. */
static const struct arm_id ARM1136 = {
    { 0x111, 0x1 }, 0x2, 0x3, { 0x01130003, 0x10030302, 0x01222110 },
    { 0x00140011, 0x12002111, 0x11231111, 0x01102131, 0x141 },
};
static const struct arm_id ARM1176 = {
    { 0x111, 0x11 }, 0x33, 0, { 0x01130003, 0x10030302, 0x01222100 },
    { 0x0140011, 0x12002111, 0x11231121, 0x01102131, 0x01141 },
};
static const struct arm_id A7 = {
    { 0x00001131, 0x00011011 }, 0x02010555, 0, { 0x10101105, 0x40000000, 0x01240000, 0x02102211 },
    { 0x02101110, 0x13112111, 0x21232041, 0x11112131, 0x10011142 }, 0x0a200023,
    { 0x701fe00a, 0x201fe00a, 0x711fe07a },
};
static const struct arm_id A8 = {
    { 0x1031, 0x11 }, 0x400, 0, { 0x31100003, 0x20000000, 0x01202000, 0x11 },
    { 0x00101111, 0x12112111, 0x21232031, 0x11112131, 0x00111142 }, (1 << 27) | (2 << 24) | 3,
    { 0xe007e01a, 0x2007e01a, 0xf0000000 },
};
static const struct arm_id A9 = {
    { 0x1031, 0x11 }, 0x000, 0, { 0x00100103, 0x20000000, 0x01230000, 0x00002111 },
    { 0x00101111, 0x13112111, 0x21232041, 0x11112131, 0x00111142 }, (1 << 27) | (1 << 24) | 3,
    { 0xe00fe019, 0x200fe019, 0 },
};
static const struct arm_id A15 = {
    { 0x00001131, 0x00011011 }, 0x02010555, 0, { 0x10201105, 0x20000000, 0x01240000, 0x02102211 },
    { 0x02101110, 0x13112111, 0x21232041, 0x11112131, 0x10011142 }, 0x0a200023,
    { 0x701fe00a, 0x201fe00a, 0x711fe07a },
};

#define F(name) (1ull << F_##name)
#define ID_NONE NULL
#define ID_ARM1136 &ARM1136
#define ID_ARM1176 &ARM1176
#define ID_A7 &A7
#define ID_A8 &A8
#define ID_A9 &A9
#define ID_A15 &A15
static const struct arm_model models[] = {
#define MODEL(name, midr, features, fpsid, mvfr0, mvfr1, sctlr, ctr, id) \
    { name, midr, features, fpsid, mvfr0, mvfr1, sctlr, ctr, ID_##id },
#include "target-arm/models.def"
#undef MODEL
};

bool arm_model_apply(struct arm_env *env, const char *name, struct error **err)
{
    for (unsigned i = 0; i < ARRAY_LEN(models); i++) {
        if (strcmp(models[i].name, name) == 0) {
            env->model = &models[i];
            env->features = models[i].features;
            env->midr = models[i].midr;
            return true;
        }
    }
    error_set(err, "-cpu: unknown model '%s'; '-cpu help' lists them", name);
    return false;
}

void arm_list_models(void)
{
    printf("Available CPUs:\n");
    for (unsigned i = 0; i < ARRAY_LEN(models); i++) {
        printf("  %s\n", models[i].name);
    }
}
