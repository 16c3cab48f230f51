/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device properties: members of the device struct that text can set. */
#include "hw/core/property.h"

#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/keyval.h"

static void *(*resolvers[PROPERTY_AUDIODEV + 1])(const char *name);

/* What a value looks like, for help and messages. */
static const char *const kind_names[] = {
    [PROPERTY_BOOL] = "on|off", [PROPERTY_UINT] = "number", [PROPERTY_SIZE] = "size",
    [PROPERTY_STRING] = "text", [PROPERTY_MAC] = "xx:xx:xx:xx:xx:xx", [PROPERTY_DRIVE] = "drive",
    [PROPERTY_CHARDEV] = "chardev", [PROPERTY_NETDEV] = "netdev", [PROPERTY_AUDIODEV] = "audiodev",
};

void device_set_resolver(enum property_kind kind, void *(*find)(const char *name))
{
    resolvers[kind] = find;
}

const struct property *property_find(const struct property *table, const char *name)
{
    for (const struct property *p = table; p && p->name; p++) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

static void *member(const struct property *p, void *object)
{
    return (char *)object + p->offset;
}

static void set_string(const struct property *p, void *object, const char *value)
{
    char **at = member(p, object);

    g_free(*at);
    *at = g_strdup(value);
}

bool property_set_number(const struct property *p, void *object, uint64_t value)
{
    if (p->size < 8 && value > bits_mask(8 * p->size)) {
        return false;
    }
    switch (p->size) {
    case 1:
        *(uint8_t *)member(p, object) = value;
        return true;
    case 2:
        *(uint16_t *)member(p, object) = value;
        return true;
    case 4:
        *(uint32_t *)member(p, object) = value;
        return true;
    default:
        *(uint64_t *)member(p, object) = value;
        return true;
    }
}

void property_set_defaults(const struct property *table, void *object)
{
    for (const struct property *p = table; p && p->name; p++) {
        if (p->kind <= PROPERTY_SIZE) {
            property_set_number(p, object, p->initial);
        } else if (p->kind == PROPERTY_STRING) {
            set_string(p, object, p->text);
        }
    }
}

void property_free_all(const struct property *table, void *object)
{
    for (const struct property *p = table; p && p->name; p++) {
        if (p->kind == PROPERTY_STRING) {
            set_string(p, object, NULL);
        }
    }
}

static bool parse_mac(const char *text, uint8_t *mac)
{
    uint8_t parsed[6];

    for (int i = 0; i < 6; i++, text += 3) {
        int high = g_ascii_xdigit_value(text[0]);
        int low = high < 0 ? -1 : g_ascii_xdigit_value(text[1]);

        if (low < 0 || !(i < 5 ? text[2] == ':' || text[2] == '-' : text[2] == '\0')) {
            return false;
        }
        parsed[i] = high << 4 | low;
    }
    memcpy(mac, parsed, 6);
    return true;
}

static bool set_object(const struct property *p, void *object, const char *value)
{
    void *found = resolvers[p->kind] ? resolvers[p->kind](value) : NULL;

    if (found) {
        *(void **)member(p, object) = found;
    }
    return found != NULL;
}

bool property_set_text(const struct property *p, void *object, const char *owner,
                       const char *value, struct error **err)
{
    uint64_t number = 0;
    bool flag = false, good;

    switch (p->kind) {
    case PROPERTY_BOOL:
        good = parse_bool(value, &flag) && property_set_number(p, object, flag);
        break;
    case PROPERTY_UINT:
        good = parse_uint(value, &number) && property_set_number(p, object, number);
        break;
    case PROPERTY_SIZE:
        good = parse_size(value, 1, &number) && property_set_number(p, object, number);
        break;
    case PROPERTY_STRING:
        set_string(p, object, value);
        return true;
    case PROPERTY_MAC:
        good = parse_mac(value, member(p, object));
        break;
    default:
        if (!set_object(p, object, value)) {
            error_set(err, "Property '%s.%s' can't find value '%s'", owner, p->name, value);
            return false;
        }
        return true;
    }
    if (!good) {
        error_set(err, "Property '%s.%s' doesn't take value '%s' (%s)", owner, p->name, value,
                  kind_names[p->kind]);
    }
    return good;
}

void property_print_help(const struct property *table, FILE *out)
{
    for (const struct property *p = table; p && p->name; p++) {
        fprintf(out, "  %s=<%s>", p->name, kind_names[p->kind]);
        if (p->kind == PROPERTY_BOOL) {
            fprintf(out, " (default: %s)", p->initial ? "on" : "off");
        } else if (p->kind == PROPERTY_UINT || p->kind == PROPERTY_SIZE) {
            fprintf(out, " (default: %llu)", (unsigned long long)p->initial);
        } else if (p->text) {
            fprintf(out, " (default: %s)", p->text);
        }
        fputc('\n', out);
    }
}
