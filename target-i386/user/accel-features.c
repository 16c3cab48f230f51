/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs run on the translator. */
#include "target-i386/accel-features.h"

bool x86_features_of_host(void)
{
    return false;
}

uint32_t x86_host_features(size_t word)
{
    return 0;
}

void x86_host_processor(struct x86_env *env, uint32_t *family, uint32_t *model,
                        uint32_t *stepping)
{
}
