/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes ui/keymaps.def: for every layout of -k, which key and modifiers make a key symbol.
 * For developers; needs libxkbcommon-dev and xkb-data:
 *   cc -o keymaps tools/keymaps.c $(pkg-config --cflags --libs xkbcommon) && ./keymaps
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xkbcommon/xkbcommon.h>

static const struct {
    const char *name, *layout, *variant;
} layouts[] = {
    { "ar", "ara", "" }, { "bepo", "fr", "bepo" }, { "cz", "cz", "" }, { "da", "dk", "" },
    { "de", "de", "" }, { "de-ch", "ch", "" }, { "en-gb", "gb", "" }, { "en-us", "us", "" },
    { "es", "es", "" }, { "et", "ee", "" }, { "fi", "fi", "" }, { "fo", "fo", "" },
    { "fr", "fr", "" }, { "fr-be", "be", "" }, { "fr-ca", "ca", "" }, { "fr-ch", "ch", "fr" },
    { "hr", "hr", "" }, { "hu", "hu", "" }, { "is", "is", "" }, { "it", "it", "" },
    { "ja", "jp", "" }, { "lt", "lt", "" }, { "lv", "lv", "" }, { "mk", "mk", "" },
    { "nl", "nl", "" }, { "nl-be", "be", "" }, { "no", "no", "" }, { "pl", "pl", "" },
    { "pt", "pt", "" }, { "pt-br", "br", "" }, { "ru", "ru", "" }, { "sl", "si", "" },
    { "sv", "se", "" }, { "th", "th", "" }, { "tr", "tr", "" },
};

/* Linux key codes are set 1 codes up to F10 and for the keys left of Z and after F10. */
static int set1_of(xkb_keycode_t code)
{
    int key = (int)code - 8;

    switch (key) {
    case 89: return 0x73;          /* ro */
    case 124: return 0x7d;         /* yen */
    default: return (key >= 2 && key <= 53) || key == 57 || key == 86 ? key : 0;
    }
}

static int column;

static void print_row(xkb_keysym_t sym, int key, int modifiers)
{
    printf("%s{ 0x%x, 0x%02x, %d },", column % 5 ? " " : "\n    ", sym, key, modifiers);
    column++;
}

static void print_layout(struct xkb_context *context, const char *id, const char *layout,
                         const char *variant)
{
    struct xkb_rule_names names = { "evdev", "pc105", layout, variant, "" };
    struct xkb_keymap *map = xkb_keymap_new_from_names(context, &names, 0);
    xkb_keysym_t *seen = calloc(4096, sizeof(*seen));
    int n_seen = 0;

    if (!map) {
        fprintf(stderr, "no layout %s\n", layout);
        exit(1);
    }
    printf("\nLAYOUT(%s) = {", id);
    column = 0;
    /* Plain keys first: of several ways to a symbol the one with fewest modifiers counts. */
    for (int level = 0; level < 4; level++) {
        for (xkb_keycode_t code = 10; code < 140; code++) {
            const xkb_keysym_t *syms;
            bool known = false;

            if (!set1_of(code) || xkb_keymap_key_get_syms_by_level(map, code, 0, level,
                                                                   &syms) != 1) {
                continue;
            }
            for (int i = 0; i < n_seen; i++) {
                known |= seen[i] == syms[0];
            }
            if (!known && syms[0]) {
                seen[n_seen++] = syms[0];
                print_row(syms[0], set1_of(code), level);
            }
        }
    }
    printf("\n    { 0 }\n};\n");
    free(seen);
    xkb_keymap_unref(map);
}

static void print_id(const char *name)
{
    for (; *name; name++) {
        putchar(*name == '-' ? '_' : *name);
    }
}

int main(void)
{
    struct xkb_context *context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
    int count = sizeof(layouts) / sizeof(layouts[0]);

    if (!freopen("ui/keymaps.def", "w", stdout)) {
        return 1;
    }
    printf("/* SPDX-License-Identifier: GPL-2.0-or-later */\n"
           "/* Keyboard layouts, written by tools/keymaps.c: key symbol, set 1 code of the key,\n"
           " * and modifiers (1: shift, 2: AltGr). */\n");
    for (int i = 0; i < count; i++) {
        char id[16] = "";

        for (int c = 0; layouts[i].name[c]; c++) {
            id[c] = layouts[i].name[c] == '-' ? '_' : layouts[i].name[c];
        }
        print_layout(context, id, layouts[i].layout, layouts[i].variant);
    }
    printf("\nLAYOUTS = {");
    for (int i = 0; i < count; i++) {
        printf("%s{ \"%s\", layout_", i % 3 ? " " : "\n    ", layouts[i].name);
        print_id(layouts[i].name);
        printf(" },");
    }
    printf("\n    { NULL }\n};\n");
    return 0;
}
