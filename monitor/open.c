/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -monitor, -qmp and -mon: a character device with a monitor on it. */
#include <glib.h>
#include <string.h>

#include "base/keyval.h"
#include "monitor/monitor.h"

static struct chardev *open_device(const char *option, const char *spec, struct error **err)
{
    static unsigned count;
    char *id = g_strdup_printf("compat_monitor%u", count++);
    struct chardev *chr = chardev_open_for(option, id, spec, err);

    g_free(id);
    return chr;
}

bool monitor_open(const char *spec, struct error **err)
{
    struct chardev *chr;

    if (strcmp(spec, "none") == 0) {
        return true;
    }
    chr = open_device("-monitor", spec, err);
    return chr && monitor_add(chr, err);
}

static bool open_control(const char *spec, bool pretty, struct error **err)
{
    struct chardev *chr;

    if (strcmp(spec, "none") == 0) {
        return true;
    }
    chr = open_device(pretty ? "-qmp-pretty" : "-qmp", spec, err);
    return chr && qmp_add(chr, pretty, err);
}

bool qmp_open(const char *spec, struct error **err)
{
    return open_control(spec, false, err);
}

bool qmp_open_pretty(const char *spec, struct error **err)
{
    return open_control(spec, true, err);
}

static bool open_keys(struct keyval *kv, struct error **err)
{
    const char *id = keyval_string(kv, "chardev", "");
    const char *mode = keyval_string(kv, "mode", "readline");
    struct chardev *chr = chardev_find(id);
    bool control = strcmp(mode, "control") == 0, pretty = false;

    if (!control && strcmp(mode, "readline") != 0) {
        error_set(err, "-mon: mode=%s is neither readline nor control", mode);
        return false;
    }
    if (!chr) {
        error_set(err, "-mon: chardev \"%s\" not found", id);
        return false;
    }
    return keyval_bool(kv, "pretty", &pretty, err) && keyval_check(kv, err) &&
        (control ? qmp_add(chr, pretty, err) : monitor_add(chr, err));
}

bool monitor_open_mon(const char *option, struct error **err)
{
    struct keyval *kv = keyval_parse("-mon", option, "chardev", err);
    bool good = kv && open_keys(kv, err);

    keyval_free(kv);
    return good;
}
