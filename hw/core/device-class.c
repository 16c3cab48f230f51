/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device classes of the program, which register themselves in a linker section. */
#include <glib.h>
#include <string.h>

#include "hw/core/device.h"
#include "hw/core/property.h"

/* Weak: a program may have no devices. */
extern const struct device_class *const __start_device_classes[] __attribute__((weak));
extern const struct device_class *const __stop_device_classes[] __attribute__((weak));

#define FOR_EACH_CLASS(c)                                                                          \
    for (const struct device_class *const *c = __start_device_classes; c < __stop_device_classes;  \
         c++)

const struct device_class *device_class_find(const char *name)
{
    FOR_EACH_CLASS(c) {
        if (strcmp((*c)->name, name) == 0 || ((*c)->alias && strcmp((*c)->alias, name) == 0)) {
            return *c;
        }
    }
    return NULL;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const struct device_class *const *)a)->name,
                  (*(const struct device_class *const *)b)->name);
}

void device_class_walk(void (*visit)(void *opaque, const struct device_class *class), void *opaque)
{
    GPtrArray *classes = g_ptr_array_new();

    FOR_EACH_CLASS(c) {
        g_ptr_array_add(classes, (gpointer)*c);
    }
    g_ptr_array_sort(classes, by_name);
    for (guint i = 0; i < classes->len; i++) {
        visit(opaque, g_ptr_array_index(classes, i));
    }
    g_ptr_array_free(classes, TRUE);
}

static void print_class(void *opaque, const struct device_class *class)
{
    FILE *out = opaque;

    if (class->internal) {
        return;
    }
    fprintf(out, "name \"%s\"", class->name);
    if (class->bus) {
        fprintf(out, ", bus %s", class->bus);
    }
    if (class->alias) {
        fprintf(out, ", alias \"%s\"", class->alias);
    }
    if (class->desc) {
        fprintf(out, ", desc \"%s\"", class->desc);
    }
    fputc('\n', out);
}

void device_print_help(FILE *out)
{
    device_class_walk(print_class, out);
}

void device_class_print_help(const struct device_class *class, FILE *out)
{
    const struct bus_type *type = class->bus ? bus_type_find(class->bus) : NULL;

    fprintf(out, "%s options:\n  id=<text>\n", class->name);
    if (class->bus) {
        fprintf(out, "  bus=<text>\n");
    }
    property_print_help(class->properties, out);
    property_print_help(type ? type->properties : NULL, out);
}
