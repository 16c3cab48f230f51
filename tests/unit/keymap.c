/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keyboard layouts: where symbols are, and with which modifiers. */
#include "ui/keymap.h"

#include "tests/tap.h"

static void check(const char *layout, uint32_t keysym, enum input_key key, int modifiers)
{
    struct error *err = NULL;
    int got_modifiers;
    enum input_key got;

    if (!keymap_set(layout, &err)) {
        ok(false, "%s: %s", layout, error_text(err));
        return;
    }
    got = keymap_find(keysym, &got_modifiers);
    ok(got == key && got_modifiers == modifiers, "%s: 0x%x is %s with %d", layout, keysym,
       input_key_name(key), modifiers);
    if (got != key || got_modifiers != modifiers) {
        printf("# got %s with %d\n", got ? input_key_name(got) : "nothing", got_modifiers);
    }
}

int main(void)
{
    struct error *err = NULL;

    check("en-us", 'a', INPUT_KEY_a, 0);
    check("en-us", 'A', INPUT_KEY_a, KEYMAP_SHIFT);
    check("en-us", '@', INPUT_KEY_2, KEYMAP_SHIFT);
    check("en-us", ' ', INPUT_KEY_spc, 0);
    check("en-us", KEYSYM_RETURN, INPUT_KEY_ret, -1);
    check("en-us", KEYSYM_F1 + 11, INPUT_KEY_f12, -1);
    check("de", 'z', INPUT_KEY_y, 0);
    check("de", '@', INPUT_KEY_q, KEYMAP_ALTGR);
    check("de", '{', INPUT_KEY_7, KEYMAP_ALTGR);
    check("de", 0xdf, INPUT_KEY_minus, 0);
    check("de", 0x10000df, INPUT_KEY_minus, 0);
    check("fr", 'a', INPUT_KEY_q, 0);
    check("fr", '1', INPUT_KEY_1, KEYMAP_SHIFT);
    check("en-gb", '"', INPUT_KEY_2, KEYMAP_SHIFT);
    check("ja", 0x5c, INPUT_KEY_ro, 0);
    check("ru", 0x6c6, INPUT_KEY_a, 0);
    check("pt-br", 0xe7, INPUT_KEY_semicolon, 0);
    check("sv", 0xe5, INPUT_KEY_bracket_left, 0);
    ok(!keymap_set("xx", &err) && err, "an unknown layout is refused");
    error_free(err);
    is_int(keymap_to_unicode(keymap_from_unicode(0x20ac)), 0x20ac, "the euro there and back");
    is_int(keymap_to_unicode(0xffb5), '5', "a keypad digit");
    is_int(keymap_to_unicode(KEYSYM_UP), 0, "an arrow is no character");
    return tap_done();
}
