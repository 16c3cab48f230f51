/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which accelerator: the options, and the first of those asked for that works. */
#include "accel/accel.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/keyval.h"

enum { MAX_CHOICES = 8 };

static const struct accel *const all[] = { &accel_tcg, &accel_kvm };
static const struct accel *current = &accel_tcg;
static const struct accel *choices[MAX_CHOICES];
static unsigned n_choices;

const struct accel *accel(void)
{
    return current;
}

/* --- options --------------------------------------------------------------------------------- */

static bool add_choice(const char *name, struct error **err)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (strcmp(all[i]->name, name) == 0 && n_choices < MAX_CHOICES) {
            choices[n_choices++] = all[i];
            return true;
        }
    }
    error_set(err, "the accelerator '%s' is not available; this emulator has tcg and kvm", name);
    return false;
}

bool accel_choose(const char *names, struct error **err)
{
    char **parts = g_strsplit(names, ":", -1);
    bool good = true;

    n_choices = 0;
    for (char **name = parts; good && *name; name++) {
        good = add_choice(*name, err);
    }
    g_strfreev(parts);
    return good;
}

/* Hints about speed, and a choice of KVM that guests do not notice. */
static void take_hints(struct keyval *kv)
{
    static const char *const hints[] = { "thread", "tb-size", "split-wx", "dirty-ring-size" };

    for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
        keyval_mark(kv, hints[i]);
    }
    if (strcmp(keyval_string(kv, "kernel-irqchip", "off"), "off") != 0) {
        error_warn("-accel: kernel-irqchip is off: interrupt controllers are the emulator's own");
    }
}

bool accel_add_option(const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("-accel", text, "accel", err);
    const char *name;
    bool good;

    if (!kv) {
        return false;
    }
    name = keyval_string(kv, "accel", "");
    if (strcmp(name, "help") == 0 || strcmp(name, "?") == 0) {
        printf("Accelerators supported in QEMU binary:\n");
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
            printf("%s\n", all[i]->name);
        }
        exit(0);
    }
    take_hints(kv);
    good = add_choice(name, err) && keyval_check(kv, err);
    keyval_free(kv);
    return good;
}

/* --- start ----------------------------------------------------------------------------------- */

bool accel_init(struct error **err)
{
    for (unsigned i = 0; i < n_choices; i++) {
        struct error *why = NULL;

        current = choices[i];
        if (!current->init || current->init(&why)) {
            return true;
        }
        if (i + 1 == n_choices) {
            error_propagate(err, why);
            return false;
        }
        error_prepend(&why, "%s is used instead of %s: ", choices[i + 1]->name, current->name);
        error_report_free(why);
    }
    return true;
}
