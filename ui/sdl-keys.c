/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SDL's scan codes, which are usage numbers of USB's keyboard page, as keys and symbols. */
#include "ui/sdl-keys.h"

#include "base/bits.h"
#include "ui/keymap.h"

#define K(name) INPUT_KEY_##name
static const uint8_t keys[256] = {
    [4] = K(a), K(b), K(c), K(d), K(e), K(f), K(g), K(h), K(i), K(j), K(k), K(l), K(m), K(n), K(o),
    K(p), K(q), K(r), K(s), K(t), K(u), K(v), K(w), K(x), K(y), K(z),
    [30] = K(1), K(2), K(3), K(4), K(5), K(6), K(7), K(8), K(9), K(0),
    [40] = K(ret), K(esc), K(backspace), K(tab), K(spc), K(minus), K(equal), K(bracket_left),
    K(bracket_right), K(backslash), K(backslash), K(semicolon), K(apostrophe), K(grave_accent),
    K(comma), K(dot), K(slash), K(caps_lock),
    [58] = K(f1), K(f2), K(f3), K(f4), K(f5), K(f6), K(f7), K(f8), K(f9), K(f10), K(f11), K(f12),
    [70] = K(print), K(scroll_lock), K(pause), K(insert), K(home), K(pgup), K(delete), K(end),
    K(pgdn), K(right), K(left), K(down), K(up), K(num_lock),
    [84] = K(kp_divide), K(asterisk), K(kp_subtract), K(kp_add), K(kp_enter), K(kp_1), K(kp_2),
    K(kp_3), K(kp_4), K(kp_5), K(kp_6), K(kp_7), K(kp_8), K(kp_9), K(kp_0), K(kp_decimal),
    [100] = K(less), K(menu), K(power), K(kp_equals),
    [127] = K(audiomute), K(volumeup), K(volumedown), [133] = K(kp_comma), [135] = K(ro),
    K(katakanahiragana), K(yen), K(henkan), K(muhenkan),
    [224] = K(ctrl), K(shift), K(alt), K(meta_l), K(ctrl_r), K(shift_r), K(alt_r), K(meta_r),
};
#undef K

enum input_key sdl_key(unsigned scancode)
{
    return scancode < ARRAY_LEN(keys) ? keys[scancode] : INPUT_KEY_NONE;
}

uint32_t sdl_keysym(unsigned scancode)
{
    static const struct { uint8_t scancode; uint32_t keysym; } symbols[] = {
        { 40, KEYSYM_RETURN }, { 41, KEYSYM_ESCAPE }, { 42, KEYSYM_BACKSPACE }, { 43, KEYSYM_TAB },
        { 73, KEYSYM_INSERT }, { 74, KEYSYM_HOME }, { 75, KEYSYM_PAGE_UP }, { 76, KEYSYM_DELETE },
        { 77, KEYSYM_END }, { 78, KEYSYM_PAGE_DOWN }, { 79, KEYSYM_RIGHT }, { 80, KEYSYM_LEFT },
        { 81, KEYSYM_DOWN }, { 82, KEYSYM_UP }, { 88, KEYSYM_KP_ENTER },
        { 224, KEYSYM_CONTROL_L }, { 225, KEYSYM_SHIFT_L }, { 226, KEYSYM_ALT_L },
        { 228, KEYSYM_CONTROL_R }, { 229, KEYSYM_SHIFT_R }, { 230, KEYSYM_ALT_R },
    };

    if (scancode >= 58 && scancode <= 69) {
        return KEYSYM_F1 + scancode - 58;
    }
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
        if (symbols[i].scancode == scancode) {
            return symbols[i].keysym;
        }
    }
    return 0;
}
