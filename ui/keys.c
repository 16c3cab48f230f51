/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys: their names as sendkey takes them, and their codes in scan code set 1. */
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/keyval.h"
#include "console.h"

static const char *const names[INPUT_KEY_COUNT] = {
#define KEY(name) [INPUT_KEY_##name] = #name,
    INPUT_KEYS(KEY)
#undef KEY
};

/* Other names for the same keys. */
static const struct {
    const char *name;
    enum input_key key;
} aliases[] = {
    { "ctrl_l", INPUT_KEY_ctrl }, { "shift_l", INPUT_KEY_shift }, { "alt_l", INPUT_KEY_alt },
    { "enter", INPUT_KEY_ret }, { "kp_multiply", INPUT_KEY_asterisk }, { "<", INPUT_KEY_less },
    { "compose", INPUT_KEY_menu },
};

/* Set 1 make codes, with bit 7 for those after 0xe0. */
static const uint8_t set1[INPUT_KEY_COUNT] = {
    [INPUT_KEY_esc] = 0x01, [INPUT_KEY_1] = 0x02, [INPUT_KEY_2] = 0x03, [INPUT_KEY_3] = 0x04,
    [INPUT_KEY_4] = 0x05, [INPUT_KEY_5] = 0x06, [INPUT_KEY_6] = 0x07, [INPUT_KEY_7] = 0x08,
    [INPUT_KEY_8] = 0x09, [INPUT_KEY_9] = 0x0a, [INPUT_KEY_0] = 0x0b, [INPUT_KEY_minus] = 0x0c,
    [INPUT_KEY_equal] = 0x0d, [INPUT_KEY_backspace] = 0x0e, [INPUT_KEY_tab] = 0x0f,
    [INPUT_KEY_q] = 0x10, [INPUT_KEY_w] = 0x11, [INPUT_KEY_e] = 0x12, [INPUT_KEY_r] = 0x13,
    [INPUT_KEY_t] = 0x14, [INPUT_KEY_y] = 0x15, [INPUT_KEY_u] = 0x16, [INPUT_KEY_i] = 0x17,
    [INPUT_KEY_o] = 0x18, [INPUT_KEY_p] = 0x19, [INPUT_KEY_bracket_left] = 0x1a,
    [INPUT_KEY_bracket_right] = 0x1b, [INPUT_KEY_ret] = 0x1c, [INPUT_KEY_ctrl] = 0x1d,
    [INPUT_KEY_a] = 0x1e, [INPUT_KEY_s] = 0x1f, [INPUT_KEY_d] = 0x20, [INPUT_KEY_f] = 0x21,
    [INPUT_KEY_g] = 0x22, [INPUT_KEY_h] = 0x23, [INPUT_KEY_j] = 0x24, [INPUT_KEY_k] = 0x25,
    [INPUT_KEY_l] = 0x26, [INPUT_KEY_semicolon] = 0x27, [INPUT_KEY_apostrophe] = 0x28,
    [INPUT_KEY_grave_accent] = 0x29, [INPUT_KEY_shift] = 0x2a, [INPUT_KEY_backslash] = 0x2b,
    [INPUT_KEY_z] = 0x2c, [INPUT_KEY_x] = 0x2d, [INPUT_KEY_c] = 0x2e, [INPUT_KEY_v] = 0x2f,
    [INPUT_KEY_b] = 0x30, [INPUT_KEY_n] = 0x31, [INPUT_KEY_m] = 0x32, [INPUT_KEY_comma] = 0x33,
    [INPUT_KEY_dot] = 0x34, [INPUT_KEY_slash] = 0x35, [INPUT_KEY_shift_r] = 0x36,
    [INPUT_KEY_asterisk] = 0x37, [INPUT_KEY_alt] = 0x38, [INPUT_KEY_spc] = 0x39,
    [INPUT_KEY_caps_lock] = 0x3a, [INPUT_KEY_f1] = 0x3b, [INPUT_KEY_f2] = 0x3c,
    [INPUT_KEY_f3] = 0x3d, [INPUT_KEY_f4] = 0x3e, [INPUT_KEY_f5] = 0x3f, [INPUT_KEY_f6] = 0x40,
    [INPUT_KEY_f7] = 0x41, [INPUT_KEY_f8] = 0x42, [INPUT_KEY_f9] = 0x43, [INPUT_KEY_f10] = 0x44,
    [INPUT_KEY_num_lock] = 0x45, [INPUT_KEY_scroll_lock] = 0x46, [INPUT_KEY_kp_7] = 0x47,
    [INPUT_KEY_kp_8] = 0x48, [INPUT_KEY_kp_9] = 0x49, [INPUT_KEY_kp_subtract] = 0x4a,
    [INPUT_KEY_kp_4] = 0x4b, [INPUT_KEY_kp_5] = 0x4c, [INPUT_KEY_kp_6] = 0x4d,
    [INPUT_KEY_kp_add] = 0x4e, [INPUT_KEY_kp_1] = 0x4f, [INPUT_KEY_kp_2] = 0x50,
    [INPUT_KEY_kp_3] = 0x51, [INPUT_KEY_kp_0] = 0x52, [INPUT_KEY_kp_decimal] = 0x53,
    [INPUT_KEY_sysrq] = 0x54, [INPUT_KEY_less] = 0x56, [INPUT_KEY_f11] = 0x57,
    [INPUT_KEY_f12] = 0x58, [INPUT_KEY_kp_equals] = 0x59, [INPUT_KEY_katakanahiragana] = 0x70,
    [INPUT_KEY_ro] = 0x73, [INPUT_KEY_henkan] = 0x79, [INPUT_KEY_muhenkan] = 0x7b,
    [INPUT_KEY_yen] = 0x7d, [INPUT_KEY_kp_comma] = 0x7e,
    [INPUT_KEY_kp_enter] = 0x9c, [INPUT_KEY_ctrl_r] = 0x9d, [INPUT_KEY_audiomute] = 0xa0,
    [INPUT_KEY_volumedown] = 0xae, [INPUT_KEY_volumeup] = 0xb0, [INPUT_KEY_kp_divide] = 0xb5,
    [INPUT_KEY_print] = 0xb7, [INPUT_KEY_alt_r] = 0xb8, [INPUT_KEY_pause] = 0xc6,
    [INPUT_KEY_home] = 0xc7, [INPUT_KEY_up] = 0xc8, [INPUT_KEY_pgup] = 0xc9,
    [INPUT_KEY_left] = 0xcb, [INPUT_KEY_right] = 0xcd, [INPUT_KEY_end] = 0xcf,
    [INPUT_KEY_down] = 0xd0, [INPUT_KEY_pgdn] = 0xd1, [INPUT_KEY_insert] = 0xd2,
    [INPUT_KEY_delete] = 0xd3, [INPUT_KEY_meta_l] = 0xdb, [INPUT_KEY_meta_r] = 0xdc,
    [INPUT_KEY_menu] = 0xdd, [INPUT_KEY_power] = 0xde, [INPUT_KEY_sleep] = 0xdf,
    [INPUT_KEY_wake] = 0xe3, [INPUT_KEY_stop] = 0xe8, [INPUT_KEY_again] = 0x85,
    [INPUT_KEY_props] = 0x86, [INPUT_KEY_undo] = 0x87, [INPUT_KEY_front] = 0x8c,
    [INPUT_KEY_copy] = 0xf8, [INPUT_KEY_open] = 0x64, [INPUT_KEY_paste] = 0x65,
    [INPUT_KEY_find] = 0xc1, [INPUT_KEY_cut] = 0xbc, [INPUT_KEY_lf] = 0x5b,
    [INPUT_KEY_help] = 0xf5,
};

enum input_key input_key_from_name(const char *name)
{
    uint64_t code;

    for (int i = 1; i < INPUT_KEY_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
        if (strcmp(aliases[i].name, name) == 0) {
            return aliases[i].key;
        }
    }
    if (strncmp(name, "0x", 2) == 0 && parse_uint(name, &code) && code <= 0xff) {
        return input_key_from_set1(code);
    }
    return INPUT_KEY_NONE;
}

const char *input_key_name(enum input_key key)
{
    return key > INPUT_KEY_NONE && key < INPUT_KEY_COUNT ? names[key] : NULL;
}

uint8_t input_key_to_set1(enum input_key key)
{
    return key > INPUT_KEY_NONE && key < INPUT_KEY_COUNT ? set1[key] : 0;
}

enum input_key input_key_from_set1(uint8_t code)
{
    for (int i = 1; code && i < INPUT_KEY_COUNT; i++) {
        if (set1[i] == code) {
            return i;
        }
    }
    return INPUT_KEY_NONE;
}
