/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU models and the -cpu option: model,+feature,-feature,feature=on|off,key=value,... */
#include "target-i386/sys.h"

#include <glib.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/keyval.h"
#include "target-i386/accel-features.h"
#include "target-i386/simd.h"

#define VENDOR_INTEL "GenuineIntel"
#define VENDOR_AMD "AuthenticAMD"
#define AMD_ALIASES 0x0183f3ffu     /* bits of 1.edx that AMD repeats in 80000001.edx */

enum word {
    WORD_1_edx, WORD_1_ecx, WORD_7_ebx, WORD_7_ecx, WORD_7_edx, WORD_ext_edx, WORD_ext_ecx,
    WORD_d1_eax, WORD_6_eax, WORD_COUNT
};

struct word_info {
    const char *name;               /* for messages */
    uint16_t offset;
};
static const struct word_info words[WORD_COUNT] = {
    { "CPUID.01H:EDX", offsetof(struct x86_env, cpuid_1_edx) },
    { "CPUID.01H:ECX", offsetof(struct x86_env, cpuid_1_ecx) },
    { "CPUID.07H:EBX", offsetof(struct x86_env, cpuid_7_ebx) },
    { "CPUID.07H:ECX", offsetof(struct x86_env, cpuid_7_ecx) },
    { "CPUID.07H:EDX", offsetof(struct x86_env, cpuid_7_edx) },
    { "CPUID.80000001H:EDX", offsetof(struct x86_env, cpuid_ext_edx) },
    { "CPUID.80000001H:ECX", offsetof(struct x86_env, cpuid_ext_ecx) },
    { "CPUID.0DH:EAX", offsetof(struct x86_env, cpuid_d1_eax) },
    { "CPUID.06H:EAX", offsetof(struct x86_env, cpuid_6_eax) },
};

struct feature {
    const char *name;
    uint8_t word, bit, supported;
};
static const struct feature features[] = {
#define FEATURE(word, bit, symbol, name, supported) { name, WORD_##word, bit, supported },
#include "target-i386/features.def"
#undef FEATURE
};

enum {
#define FEATURE(word, bit, symbol, name, supported) BIT_##word##_##symbol = bit,
#include "target-i386/features.def"
#undef FEATURE
};

struct x86_model {
    const char *name;
    uint32_t level, xlevel;
    const char *vendor;
    uint16_t family, model, stepping;
    uint32_t d, c, x, xc;
    const char *brand;
};

#define D(f) (1u << BIT_1_edx_##f)
#define C(f) (1u << BIT_1_ecx_##f)
#define X(f) (1u << BIT_ext_edx_##f)
#define XC(f) (1u << BIT_ext_ecx_##f)
#define MODEL(name, level, xlevel, vendor, ...) \
    { name, level, xlevel, VENDOR_##vendor, __VA_ARGS__ },
#if TARGET_WORD_BITS == 64
#define LONG_MODEL MODEL
#else
#define LONG_MODEL(...)
#endif
static const struct x86_model models[] = {
#include "target-i386/models.def"
};

/* What `max' has beside all features */
static const struct x86_model max_model = {
    "max", 13, 0x80000008, VENDOR_AMD, X86_64 ? 15 : 6, X86_64 ? 107 : 6, X86_64 ? 1 : 3, 0, 0, 0,
    0, "QEMU TCG CPU version 2.5+",
};

static uint32_t *feature_word(struct x86_env *env, unsigned word)
{
    return (uint32_t *)((char *)env + words[word].offset);
}

static uint32_t supported(unsigned word)
{
    uint32_t mask = 0;

    if (x86_features_of_host()) {
        return x86_host_features(words[word].offset);
    }

    for (unsigned i = 0; i < ARRAY_LEN(features); i++) {
        if (features[i].word == word && (features[i].supported == 1 ||
                                         (X86_64 && features[i].supported == 64))) {
            mask |= 1u << features[i].bit;
        }
    }
    return mask & ~simd_missing_features(words[word].offset);
}

/* --- applying -------------------------------------------------------------------------------- */

struct request {
    struct x86_env *env;
    uint32_t family, model, stepping;
    uint32_t asked[WORD_COUNT];     /* by the user: worth a warning when missing */
    bool check, enforce, level_set, xlevel_set;
};

static bool find_model(struct request *r, const char *name, struct error **err)
{
    struct x86_env *env = r->env;
    bool host = x86_features_of_host() && strcmp(name, "host") == 0;
    const struct x86_model *m = host || strcmp(name, "max") == 0 ? &max_model : NULL;

    if (!host && strcmp(name, "host") == 0) {
        error_set(err, "-cpu host is the processor that KVM runs on: add -accel kvm");
        return false;
    }
    for (unsigned i = 0; !m && i < ARRAY_LEN(models); i++) {
        if (strcmp(models[i].name, name) == 0) {
            m = &models[i];
        }
    }
    if (!m) {
        error_set(err, "unable to find CPU model '%s'", name);
        return false;
    }
    env->model = m;
    env->cpuid_level = m->level;
    env->cpuid_xlevel = m->xlevel;
    memcpy(env->cpuid_vendor, m->vendor, 13);
    g_strlcpy(env->cpuid_name, m->brand, sizeof(env->cpuid_name));
    r->family = m->family;
    r->model = m->model;
    r->stepping = m->stepping;
    env->cpuid_1_edx = m->d;
    env->cpuid_1_ecx = m->c | 1u << F1C_HYPERVISOR;
    env->cpuid_ext_edx = m->x;
    env->cpuid_ext_ecx = m->xc;
    for (unsigned i = 0; m == &max_model && i < WORD_COUNT; i++) {
        *feature_word(env, i) = supported(i);
    }
    if (m == &max_model && x86_features_of_host()) {
        x86_host_processor(env, &r->family, &r->model, &r->stepping);
    }
    return true;
}

/* QEMU takes '_' for '-' in feature names. */
static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        if (*a != *b && !((*a == '_' || *a == '-' || *a == '.') &&
                          (*b == '_' || *b == '-' || *b == '.'))) {
            return false;
        }
    }
    return *a == *b;
}

static bool set_feature(struct request *r, const char *name, bool on, struct error **err)
{
    for (unsigned i = 0; i < ARRAY_LEN(features); i++) {
        const struct feature *f = &features[i];
        uint32_t *word = feature_word(r->env, f->word);

        if (!same_name(f->name, name)) {
            continue;
        }
        if (on) {
            *word |= 1u << f->bit;
            r->asked[f->word] |= 1u << f->bit;
        } else {
            *word &= ~(1u << f->bit);
            r->asked[f->word] &= ~(1u << f->bit);
        }
        return true;
    }
    error_set(err, "-cpu %s: property '%s' not found", r->env->model->name, name);
    return false;
}

static bool set_number(const char *key, const char *text, uint32_t max, uint32_t *value,
                       struct error **err)
{
    uint64_t number;

    if (!parse_uint(text, &number) || number > max) {
        error_set(err, "-cpu: %s must be a number from 0 to %u", key, max);
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

static bool set_vendor(struct x86_env *env, const char *value, struct error **err)
{
    if (strlen(value) != 12) {
        error_set(err, "-cpu: vendor must have 12 characters");
        return false;
    }
    memcpy(env->cpuid_vendor, value, 13);
    return true;
}

static bool set_phys_bits(struct x86_env *env, const char *value, struct error **err)
{
    uint32_t bits = 0;

    if (!set_number("phys-bits", value, 52, &bits, err)) {
        return false;
    }
    if (bits && bits < 32) {
        error_set(err, "-cpu: phys-bits must be between 32 and 52");
        return false;
    }
    env->phys_bits = (uint8_t)bits;
    return true;
}

static bool set_switch(const char *key, const char *value, bool *to, struct error **err)
{
    if (!parse_bool(value, to)) {
        error_set(err, "-cpu: %s takes 'on' or 'off'", key);
        return false;
    }
    return true;
}

static bool set_key(struct request *r, const char *key, const char *value, struct error **err)
{
    struct x86_env *env = r->env;
    bool on;

    if (strcmp(key, "family") == 0) {
        return set_number(key, value, 0xff + 0xf, &r->family, err);
    } else if (strcmp(key, "model") == 0) {
        return set_number(key, value, 0xff, &r->model, err);
    } else if (strcmp(key, "stepping") == 0) {
        return set_number(key, value, 0xf, &r->stepping, err);
    } else if (strcmp(key, "level") == 0) {
        r->level_set = true;
        return set_number(key, value, 0x7fffffff, &env->cpuid_level, err);
    } else if (strcmp(key, "xlevel") == 0) {
        r->xlevel_set = true;
        return set_number(key, value, 0xffffffff, &env->cpuid_xlevel, err);
    } else if (strcmp(key, "vendor") == 0) {
        return set_vendor(env, value, err);
    } else if (strcmp(key, "model-id") == 0 || strcmp(key, "model_id") == 0) {
        memset(env->cpuid_name, 0, sizeof(env->cpuid_name));
        g_strlcpy(env->cpuid_name, value, sizeof(env->cpuid_name));
        return true;
    } else if (strcmp(key, "phys-bits") == 0) {
        return set_phys_bits(env, value, err);
    } else if (strcmp(key, "check") == 0) {
        return set_switch(key, value, &r->check, err);
    } else if (strcmp(key, "enforce") == 0) {
        return set_switch(key, value, &r->enforce, err);
    }
    return set_switch(key, value, &on, err) && set_feature(r, key, on, err);
}

static bool apply_item(struct request *r, char *item, struct error **err)
{
    char *equals = strchr(item, '=');

    if (item[0] == '+' || item[0] == '-') {
        return set_feature(r, item + 1, item[0] == '+', err);
    }
    if (!equals) {
        return set_key(r, item, "on", err);
    }
    *equals = 0;
    return set_key(r, item, equals + 1, err);
}

static const char *feature_name(unsigned word, unsigned bit)
{
    for (unsigned i = 0; i < ARRAY_LEN(features); i++) {
        if (features[i].word == word && features[i].bit == bit) {
            return features[i].name;
        }
    }
    return "?";
}

/* Takes away what is not implemented; complains about what was asked for by name. */
static bool mask_features(struct request *r, struct error **err)
{
    bool missing = false;

    for (unsigned w = 0; w < WORD_COUNT; w++) {
        uint32_t *word = feature_word(r->env, w), have = supported(w);
        uint32_t lost = (r->enforce ? *word : r->asked[w]) & ~have;

        *word &= have;
        for (unsigned bit = 0; bit < 32; bit++) {
            if (lost >> bit & 1) {
                error_warn("%s doesn't support requested feature: %s.%s [bit %u]",
                           x86_features_of(), words[w].name, feature_name(w, bit), bit);
                missing = true;
            }
        }
    }
    if (missing && r->enforce) {
        error_set(err, "-cpu %s: %s doesn't support requested features", r->env->model->name,
                  x86_features_of());
        return false;
    }
    return true;
}

static void finish(struct request *r)
{
    struct x86_env *env = r->env;
    uint32_t family = r->family, level = 0;

    if (strcmp(env->cpuid_vendor, VENDOR_AMD) == 0) {
        env->cpuid_ext_edx |= env->cpuid_1_edx & AMD_ALIASES;
    }
    env->cpuid_signature = family > 15 ? 0xf00 | (family - 15) << 20 : family << 8;
    env->cpuid_signature |= (r->model & 15) << 4 | (r->model >> 4) << 16 | r->stepping;
    if (env->cpuid_7_ebx | env->cpuid_7_ecx | env->cpuid_7_edx) {
        level = 7;
    } else if (env->cpuid_6_eax) {
        level = 6;
    }
    if (env->cpuid_d1_eax) {
        level = 13;
    }
    if (!r->level_set && level > env->cpuid_level) {
        env->cpuid_level = level;
    }
    if (!r->xlevel_set && (env->cpuid_ext_edx | env->cpuid_ext_ecx) &&
        env->cpuid_xlevel < 0x80000001) {
        env->cpuid_xlevel = 0x80000001;
    }
    if (!env->phys_bits) {
        env->phys_bits = x86_has(env->cpuid_ext_edx, FXD_LM) ? 40
            : x86_has(env->cpuid_1_edx, F1D_PSE36) || x86_has(env->cpuid_1_edx, F1D_PAE) ? 36 : 32;
    }
}

bool x86_model_apply(struct x86_env *env, const char *text, struct error **err)
{
    struct request r = { .env = env };
    char **items = g_strsplit(text, ",", -1);
    bool done = items[0] != NULL && find_model(&r, items[0], err);

    for (unsigned i = 1; done && items[i]; i++) {
        if (items[i][0]) {
            done = apply_item(&r, items[i], err);
        }
    }
    if (done) {
        done = mask_features(&r, err);
    }
    if (done) {
        finish(&r);
    }
    g_strfreev(items);
    return done;
}

/* --- -cpu ? ---------------------------------------------------------------------------------- */

const char *x86_model_name(unsigned n)
{
    return n < ARRAY_LEN(models) ? models[n].name : n == ARRAY_LEN(models) ? "max" : NULL;
}

void x86_list_models(void)
{
    unsigned column = 0;

    printf("Available CPUs:\n");
    for (unsigned i = 0; i < ARRAY_LEN(models); i++) {
        const struct x86_model *m = &models[i];

        printf("x86 %-20s  %s\n", m->name, strcmp(m->name, "base") == 0
               ? "base CPU model type with no features enabled" : m->brand);
    }
    printf("x86 %-20s  Enables all features supported by the emulator\n", "max");
    printf("x86 %-20s  The processor that KVM runs on\n", "host");
    printf("\nRecognized CPUID flags:\n ");
    for (unsigned i = 0; i < ARRAY_LEN(features); i++) {
        column += (unsigned)strlen(features[i].name) + 1;
        if (column > 74) {
            printf("\n ");
            column = (unsigned)strlen(features[i].name) + 1;
        }
        printf(" %s", features[i].name);
    }
    printf("\n");
}
