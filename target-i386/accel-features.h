/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the accelerator has to say about CPU models. User mode has the translator only. */
#ifndef TARGET_I386_ACCEL_FEATURES_H
#define TARGET_I386_ACCEL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct x86_env;

/* Instructions are the host's, not the translator's: so are the limits of a model. */
bool x86_features_of_host(void);
/* Of one feature word, by its offset in env. */
uint32_t x86_host_features(size_t word);
/* The host's name, levels and signature. */
void x86_host_processor(struct x86_env *env, uint32_t *family, uint32_t *model,
                        uint32_t *stepping);
/* Who it is, for messages. */
static inline const char *x86_features_of(void)
{
    return x86_features_of_host() ? "host" : "TCG";
}

#endif
