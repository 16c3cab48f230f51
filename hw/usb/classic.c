/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The classic names of USB devices: -usbdevice tablet, usb_add disk:file. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/option.h"
#include "block.h"
#include "char.h"
#include "hw/core/machine.h"
#include "hw/usb/usb.h"

/* Makes the device out of what follows the colon of the name. */
typedef bool make_device(const char *class, const char *rest, struct error **err);

static bool wanted;

static bool make_plain(const char *class, const char *rest, struct error **err)
{
    return device_add_option(class, err);
}

/* The next name of drives or ports that nobody has. */
static char *free_name(const char *prefix, bool (*used)(const char *name))
{
    char *name = NULL;
    unsigned n = 0;

    do {
        g_free(name);
        name = g_strdup_printf("%s%u", prefix, n++);
    } while (used(name));
    return name;
}

static bool is_drive(const char *name)
{
    return block_find(name) != NULL;
}

static bool is_chardev(const char *name)
{
    return chardev_find(name) != NULL;
}

/* "[format=f:]file" */
static bool make_disk(const char *class, const char *rest, struct error **err)
{
    const char *file = g_str_has_prefix(rest, "format=") ? strchr(rest, ':') : NULL;
    char *name = free_name("usbdisk", is_drive), *format, *text;
    char **parts = g_strsplit(file ? file + 1 : rest, ",", -1), *escaped = g_strjoinv(",,", parts);
    struct block *block;
    bool good;

    format = file ? g_strdup_printf(",%.*s", (int)(file - rest), rest) : g_strdup("");
    text = g_strdup_printf("file=%s,if=none,id=%s%s", escaped, name, format);
    block = block_add_drive(text, err);
    g_free(text);
    text = g_strdup_printf("%s,drive=%s", class, name);
    good = block && device_add_option(text, err);
    if (block && !good) {
        block_close(block);
    }
    g_free(text);
    g_free(format);
    g_free(name);
    g_free(escaped);
    g_strfreev(parts);
    return good;
}

/* "dev"; old command lines have a list of identities, mostly empty, and another colon before it. */
static bool make_serial(const char *class, const char *rest, struct error **err)
{
    char *name, *text;
    struct chardev *chr;
    bool good;

    if (g_str_has_prefix(rest, "vendorid=") || g_str_has_prefix(rest, "productid=")) {
        error_set(err, "usb-serial always has the identity of FTDI's adapter");
        return false;
    }
    rest += *rest == ':';
    name = free_name("usbserial", is_chardev);
    chr = chardev_open(name, rest, err);
    text = g_strdup_printf("%s,chardev=%s", class, chr ? chardev_id(chr) : "");
    good = chr && device_add_option(text, err);
    g_free(text);
    g_free(name);
    return good;
}

static bool refuse(const char *class, const char *rest, struct error **err)
{
    error_set(err, "this kind of USB device is not available");
    return false;
}

static const struct {
    const char *name, *class;
    make_device *make;
    const char *help;           /* NULL: not listed */
} kinds[] = {
    { "tablet", "usb-tablet", make_plain, "tablet: a pointer with absolute positions" },
    { "mouse", "usb-mouse", make_plain, "mouse: a mouse" },
    { "keyboard", "usb-kbd", make_plain, "keyboard: a keyboard" },
    { "hub", "usb-hub", make_plain, "hub: a hub with eight ports" },
    { "disk:", "usb-storage", make_disk, "disk:[format=F:]FILE: a disk" },
    { "serial:", "usb-serial", make_serial, "serial:DEV: a serial adapter, DEV as for -serial" },
    { "wacom-tablet", NULL, refuse, NULL }, { "host:", NULL, refuse, NULL },
    { "braille", NULL, refuse, NULL }, { "net:", NULL, refuse, NULL }, { "bt", NULL, refuse, NULL },
};

bool usb_add(const char *text, struct error **err)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t length = strlen(kinds[i].name);

        if (strncmp(kinds[i].name, text, length) == 0 &&
            (kinds[i].name[length - 1] == ':' || !text[length] || text[length] == ':')) {
            return kinds[i].make(kinds[i].class, text + length, err);
        }
    }
    error_set(err, "'%s' is not a USB device; there are tablet, mouse, keyboard, hub, disk:FILE "
              "and serial:DEV", text);
    return false;
}

/* --- the option ------------------------------------------------------------------------------ */

static void print_help(void)
{
    printf("Devices of -usbdevice:\n");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (kinds[i].help) {
            printf("  %s\n", kinds[i].help);
        }
    }
}

static bool make_part(const char *text, struct error **err)
{
    bool good = usb_add(text, err);

    if (!good && err) {
        error_prepend(err, "-usbdevice %s: ", text);
    }
    return good;
}

bool usb_option(void *opaque, const struct option_row *row, const char *text, struct error **err)
{
    if (strcmp(text, "help") == 0 || strcmp(text, "?") == 0) {
        print_help();
        exit(0);
    }
    wanted = true;
    machine_add_part(make_part, text);
    return true;
}

bool usb_wanted(void)
{
    return wanted;
}
