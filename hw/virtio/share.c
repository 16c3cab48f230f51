/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared folders of the command line: -fsdev names one, -virtfs also makes its device. */
#include "hw/virtio/share.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/keyval.h"
#include "base/option.h"
#include "hw/core/device.h"

static struct share *shares;

/* -virtfs: a device is wanted. */
struct request {
    char *share, *tag;
    struct request *next;
};
static struct request *requests;

struct share *share_find(const char *id)
{
    struct share *s = shares;

    while (s && strcmp(s->id, id) != 0) {
        s = s->next;
    }
    return s;
}

static bool read_security(struct keyval *kv, struct share *s, struct error **err)
{
    static const struct { const char *name; enum share_security security; } words[] = {
        { "none", SHARE_NONE }, { "passthrough", SHARE_PASSTHROUGH }, { "mapped", SHARE_MAPPED },
        { "mapped-xattr", SHARE_MAPPED }
    };
    const char *text = keyval_string(kv, "security_model", NULL);

    for (size_t i = 0; text && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].name, text) == 0) {
            s->security = words[i].security;
            return true;
        }
    }
    error_set(err, text ? "%s: security_model '%s' is not one of none, passthrough, mapped-xattr"
              : "%s: security_model= is missing: none, passthrough or mapped-xattr",
              keyval_option(kv), text);
    return false;
}

static void free_share(struct share *s)
{
    g_free(s->id);
    g_free(s->path);
    g_free(s);
}

static struct share *read_share(struct keyval *kv, const char *id, struct error **err)
{
    const char *driver = keyval_string(kv, "fsdriver", ""), *path = keyval_string(kv, "path", NULL);
    struct share *s = g_new0(struct share, 1);

    s->root = -1;
    s->id = g_strdup(id);
    s->path = g_strdup(path);
    keyval_mark(kv, "multidevs");
    if (strcmp(driver, "local") != 0) {
        error_set(err, "%s: there is only fsdriver local, not '%s'", keyval_option(kv), driver);
    } else if (!id || !path) {
        error_set(err, "%s: %s= is missing", keyval_option(kv), id ? "path" : "id");
    } else if (share_find(id)) {
        error_set(err, "%s: id '%s' is in use", keyval_option(kv), id);
    } else if (read_security(kv, s, err) && keyval_bool(kv, "readonly", &s->readonly, err)) {
        return s;
    }
    free_share(s);
    return NULL;
}

static void add_request(const char *share, const char *tag)
{
    struct request **at = &requests, *r = g_new0(struct request, 1);

    r->share = g_strdup(share);
    r->tag = g_strdup(tag);
    while (*at) {
        at = &(*at)->next;
    }
    *at = r;
}

static bool add(struct keyval *kv, bool with_device, struct error **err)
{
    const char *tag = with_device ? keyval_string(kv, "mount_tag", NULL) : NULL;
    const char *id = keyval_string(kv, "id", tag);
    struct share *s;

    if (with_device && !tag) {
        error_set(err, "%s: mount_tag= is missing", keyval_option(kv));
        return false;
    }
    s = read_share(kv, id, err);
    if (!s || !keyval_check(kv, err)) {
        return false;
    }
    s->next = shares;
    shares = s;
    if (with_device) {
        add_request(s->id, tag);
    }
    return true;
}

bool share_add_option(void *unused, const struct option_row *row, const char *text,
                      struct error **err)
{
    char *dashed = g_strdup_printf("-%s", row->name);
    struct keyval *kv = keyval_parse(dashed, text, "fsdriver", err);
    bool good = kv && add(kv, strcmp(row->name, "virtfs") == 0, err);

    keyval_free(kv);
    g_free(dashed);
    return good;
}

bool share_create_devices(struct error **err)
{
    for (struct request *r = requests; r; r = r->next) {
        struct device *dev = device_create("virtio-9p-pci", err);

        if (!dev || !device_set(dev, "fsdev", r->share, err) ||
            !device_set(dev, "mount_tag", r->tag, err) || !device_realize(dev, err)) {
            return false;
        }
    }
    return true;
}

bool share_open(struct share *s, struct error **err)
{
    struct stat st;

    if (s->root >= 0) {
        error_set(err, "the folder '%s' has a device already", s->id);
        return false;
    }
    s->root = open(s->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->root < 0 || fstat(s->root, &st) != 0) {
        error_set_errno(err, errno, "cannot open the folder '%s'", s->path);
        return false;
    }
    s->device = st.st_dev;
    return true;
}

void share_close(struct share *s)
{
    if (s->root >= 0) {
        close(s->root);
        s->root = -1;
    }
}
