/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises that every device class keeps: all of its state is saved, and it has a description. */
#include "tests/tap.h"

#include "hw/core/device.h"

static void check_class(void *opaque, const struct device_class *class)
{
    ok(class->desc && class->desc[0], "%s has a description", class->name);
    if (class->state.fields) {
        long byte = state_uncovered(&class->state);

        ok(byte < 0, "%s saves all of its state", class->name);
        if (byte >= 0) {
            printf("# byte %ld is neither in the field table nor padding\n", byte);
        }
        ok(class->reset, "%s has a reset", class->name);
    }
    ok(!class->inputs || class->input, "%s takes the lines it has", class->name);
}

int main(void)
{
    device_class_walk(check_class, NULL);
    return tap_done();
}
