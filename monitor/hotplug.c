/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that add parts to a running machine and take them away. */
#include <glib.h>

#include "hw/core/device.h"
#include "hw/usb/usb.h"
#include "monitor/hmp.h"

void hmp_device_add(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    device_add_option(hmp_text(args, "device"), &err);
    hmp_report(mon, err);
}

void hmp_device_del(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    device_remove_id(hmp_text(args, "id"), &err);
    hmp_report(mon, err);
}

void hmp_complete_device(struct monitor *mon, struct readline *rl, const char *word)
{
    for (const struct device *dev = device_first(); dev; dev = dev->next) {
        if (dev->id && g_str_has_prefix(dev->id, word)) {
            readline_add_completion(rl, dev->id, false);
        }
    }
}

void hmp_usb_add(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    usb_add(hmp_text(args, "devname"), &err);
    hmp_report(mon, err);
}

void hmp_usb_del(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    struct device *dev = usb_device_at(hmp_text(args, "devname"), &err);

    if (dev) {
        device_remove(dev, &err);
    }
    hmp_report(mon, err);
}
