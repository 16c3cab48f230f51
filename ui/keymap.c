/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keyboard layouts: from key symbols to keys, by the tables of ui/keymaps.def. */
#include "ui/keymap.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"

struct row {
    uint32_t keysym;
    uint8_t set1, modifiers;
};

#define LAYOUT(id) static const struct row layout_##id[]
#define LAYOUTS static const struct { const char *name; const struct row *rows; } layouts[]
#include "ui/keymaps.def"

static const struct row *layout = layout_en_us;

/* Keys that are the same everywhere. */
static const struct { uint32_t keysym; enum input_key key; } common[] = {
    { 0xff08, INPUT_KEY_backspace }, { 0xff09, INPUT_KEY_tab }, { 0xfe20, INPUT_KEY_tab },
    { 0xff0d, INPUT_KEY_ret }, { 0xff13, INPUT_KEY_pause }, { 0xff6b, INPUT_KEY_pause },
    { 0xff14, INPUT_KEY_scroll_lock }, { 0xff15, INPUT_KEY_sysrq }, { 0xff1b, INPUT_KEY_esc },
    { 0xff50, INPUT_KEY_home }, { 0xff51, INPUT_KEY_left }, { 0xff52, INPUT_KEY_up },
    { 0xff53, INPUT_KEY_right }, { 0xff54, INPUT_KEY_down }, { 0xff55, INPUT_KEY_pgup },
    { 0xff56, INPUT_KEY_pgdn }, { 0xff57, INPUT_KEY_end }, { 0xff61, INPUT_KEY_print },
    { 0xff63, INPUT_KEY_insert }, { 0xff67, INPUT_KEY_menu }, { 0xff7f, INPUT_KEY_num_lock },
    { 0xff20, INPUT_KEY_menu }, { 0xff22, INPUT_KEY_muhenkan }, { 0xff23, INPUT_KEY_henkan },
    { 0xff27, INPUT_KEY_katakanahiragana },
    { 0xff8d, INPUT_KEY_kp_enter }, { 0xff95, INPUT_KEY_kp_7 }, { 0xff96, INPUT_KEY_kp_4 },
    { 0xff97, INPUT_KEY_kp_8 }, { 0xff98, INPUT_KEY_kp_6 }, { 0xff99, INPUT_KEY_kp_2 },
    { 0xff9a, INPUT_KEY_kp_9 }, { 0xff9b, INPUT_KEY_kp_3 }, { 0xff9c, INPUT_KEY_kp_1 },
    { 0xff9d, INPUT_KEY_kp_5 }, { 0xff9e, INPUT_KEY_kp_0 }, { 0xff9f, INPUT_KEY_kp_decimal },
    { 0xffaa, INPUT_KEY_asterisk }, { 0xffab, INPUT_KEY_kp_add },
    { 0xffac, INPUT_KEY_kp_decimal }, { 0xffad, INPUT_KEY_kp_subtract },
    { 0xffae, INPUT_KEY_kp_decimal }, { 0xffaf, INPUT_KEY_kp_divide },
    { 0xffb0, INPUT_KEY_kp_0 }, { 0xffb1, INPUT_KEY_kp_1 }, { 0xffb2, INPUT_KEY_kp_2 },
    { 0xffb3, INPUT_KEY_kp_3 }, { 0xffb4, INPUT_KEY_kp_4 }, { 0xffb5, INPUT_KEY_kp_5 },
    { 0xffb6, INPUT_KEY_kp_6 }, { 0xffb7, INPUT_KEY_kp_7 }, { 0xffb8, INPUT_KEY_kp_8 },
    { 0xffb9, INPUT_KEY_kp_9 }, { 0xffbd, INPUT_KEY_kp_equals },
    { 0xffbe, INPUT_KEY_f1 }, { 0xffbf, INPUT_KEY_f2 }, { 0xffc0, INPUT_KEY_f3 },
    { 0xffc1, INPUT_KEY_f4 }, { 0xffc2, INPUT_KEY_f5 }, { 0xffc3, INPUT_KEY_f6 },
    { 0xffc4, INPUT_KEY_f7 }, { 0xffc5, INPUT_KEY_f8 }, { 0xffc6, INPUT_KEY_f9 },
    { 0xffc7, INPUT_KEY_f10 }, { 0xffc8, INPUT_KEY_f11 }, { 0xffc9, INPUT_KEY_f12 },
    { 0xffe1, INPUT_KEY_shift }, { 0xffe2, INPUT_KEY_shift_r }, { 0xffe3, INPUT_KEY_ctrl },
    { 0xffe4, INPUT_KEY_ctrl_r }, { 0xffe5, INPUT_KEY_caps_lock }, { 0xffe7, INPUT_KEY_meta_l },
    { 0xffe8, INPUT_KEY_meta_r }, { 0xffe9, INPUT_KEY_alt }, { 0xffea, INPUT_KEY_alt_r },
    { 0xffeb, INPUT_KEY_meta_l }, { 0xffec, INPUT_KEY_meta_r }, { 0xfe03, INPUT_KEY_alt_r },
    { 0xff7e, INPUT_KEY_alt_r }, { 0xffff, INPUT_KEY_delete },
};

bool keymap_set(const char *name, struct error **err)
{
    for (size_t i = 0; layouts[i].name; i++) {
        if (strcmp(layouts[i].name, name) == 0) {
            layout = layouts[i].rows;
            return true;
        }
    }
    error_set(err, "'%s' is not a keyboard layout (-k help lists them)", name);
    return false;
}

void keymap_print_help(void)
{
    for (size_t i = 0; layouts[i].name; i++) {
        printf("%s\n", layouts[i].name);
    }
}

enum input_key keymap_find(uint32_t keysym, int *modifiers)
{
    *modifiers = -1;
    for (size_t i = 0; i < ARRAY_LEN(common); i++) {
        if (common[i].keysym == keysym) {
            return common[i].key;
        }
    }
    for (const struct row *row = layout; row->keysym; row++) {
        if (row->keysym == keysym) {
            *modifiers = row->modifiers;
            return input_key_from_set1(row->set1);
        }
    }
    /* The same character under its other number. */
    if (keysym > 0x1000000 && keymap_from_unicode(keysym - 0x1000000) != keysym) {
        return keymap_find(keymap_from_unicode(keysym - 0x1000000), modifiers);
    }
    return INPUT_KEY_NONE;
}

uint32_t keymap_from_unicode(uint32_t c)
{
    bool latin1 = (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c <= 0xff);

    return latin1 ? c : 0x1000000 + c;
}

uint32_t keymap_to_unicode(uint32_t keysym)
{
    if ((keysym >= 0x20 && keysym < 0x7f) || (keysym >= 0xa0 && keysym <= 0xff)) {
        return keysym;
    }
    if (keysym >= 0xffb0 && keysym <= 0xffb9) {
        return '0' + keysym - 0xffb0;
    }
    if (keysym >= 0xffaa && keysym <= 0xffaf) {
        return (uint32_t)"*+,-./"[keysym - 0xffaa];
    }
    return keysym >= 0x1000100 && keysym <= 0x110ffff ? keysym - 0x1000000 : 0;
}
