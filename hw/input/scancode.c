/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scan codes of PC keyboards in all three sets. */
#include "hw/input/scancode.h"

#include <string.h>

#include "base/bits.h"

#define SAME(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9, n + 10, n + 11, \
    n + 12, n + 13, n + 14, n + 15

const uint8_t scancode_set2_to_set1[256] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
    0x80, 0x81, 0x82, 0x41, 0x54, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
    SAME(0x90), SAME(0xa0), SAME(0xb0), SAME(0xc0), SAME(0xd0), SAME(0xe0), SAME(0xf0)
};

/* Where set 3 differs from set 2, which it otherwise follows without prefixes. */
static const struct { uint8_t key, code; } set3_own[] = {
    { INPUT_KEY_esc, 0x08 }, { INPUT_KEY_f1, 0x07 }, { INPUT_KEY_f2, 0x0f },
    { INPUT_KEY_f3, 0x17 }, { INPUT_KEY_f4, 0x1f }, { INPUT_KEY_f5, 0x27 },
    { INPUT_KEY_f6, 0x2f }, { INPUT_KEY_f7, 0x37 }, { INPUT_KEY_f8, 0x3f },
    { INPUT_KEY_f9, 0x47 }, { INPUT_KEY_f10, 0x4f }, { INPUT_KEY_f11, 0x56 },
    { INPUT_KEY_f12, 0x5e }, { INPUT_KEY_ctrl, 0x11 }, { INPUT_KEY_alt, 0x19 },
    { INPUT_KEY_caps_lock, 0x14 }, { INPUT_KEY_backslash, 0x5c }, { INPUT_KEY_less, 0x13 },
    { INPUT_KEY_ctrl_r, 0x58 }, { INPUT_KEY_alt_r, 0x39 }, { INPUT_KEY_print, 0x57 },
    { INPUT_KEY_sysrq, 0x57 }, { INPUT_KEY_scroll_lock, 0x5f }, { INPUT_KEY_pause, 0x62 },
    { INPUT_KEY_insert, 0x67 }, { INPUT_KEY_home, 0x6e }, { INPUT_KEY_pgup, 0x6f },
    { INPUT_KEY_delete, 0x64 }, { INPUT_KEY_end, 0x65 }, { INPUT_KEY_pgdn, 0x6d },
    { INPUT_KEY_up, 0x63 }, { INPUT_KEY_left, 0x61 }, { INPUT_KEY_down, 0x60 },
    { INPUT_KEY_right, 0x6a }, { INPUT_KEY_num_lock, 0x76 }, { INPUT_KEY_kp_divide, 0x77 },
    { INPUT_KEY_asterisk, 0x7e }, { INPUT_KEY_kp_subtract, 0x84 }, { INPUT_KEY_kp_add, 0x7c },
    { INPUT_KEY_kp_enter, 0x79 }, { INPUT_KEY_meta_l, 0x8b }, { INPUT_KEY_meta_r, 0x8c },
    { INPUT_KEY_menu, 0x8d }
};

static uint8_t set1_to_set2(uint8_t code)
{
    /* From above: 0x83 and 0x84 are the codes that keyboards send. */
    for (unsigned i = 0x84; i > 0; i--) {
        if (scancode_set2_to_set1[i] == code) {
            return i;
        }
    }
    return 0;
}

static uint8_t set3_code(enum input_key key)
{
    for (unsigned i = 0; i < ARRAY_LEN(set3_own); i++) {
        if (set3_own[i].key == key) {
            return set3_own[i].code;
        }
    }
    return set1_to_set2(input_key_to_set1(key) & 0x7f);
}

static unsigned copy_bytes(uint8_t *to, const char *from, unsigned count)
{
    memcpy(to, from, count);
    return count;
}

/* Print Screen brings its own shift along, Pause has no release and another code with control. */
static unsigned special_bytes(unsigned set, enum input_key key, bool down, bool shifted,
                              uint8_t *bytes)
{
    if (key == INPUT_KEY_print && !shifted) {
        if (set == 1) {
            return down ? copy_bytes(bytes, "\xe0\x2a\xe0\x37", 4)
                        : copy_bytes(bytes, "\xe0\xb7\xe0\xaa", 4);
        }
        return down ? copy_bytes(bytes, "\xe0\x12\xe0\x7c", 4)
                    : copy_bytes(bytes, "\xe0\xf0\x7c\xe0\xf0\x12", 6);
    }
    if (key == INPUT_KEY_pause && down) {
        if (set == 1) {
            return shifted ? copy_bytes(bytes, "\xe0\x46\xe0\xc6", 4)
                           : copy_bytes(bytes, "\xe1\x1d\x45\xe1\x9d\xc5", 6);
        }
        return shifted ? copy_bytes(bytes, "\xe0\x7e\xe0\xf0\x7e", 5)
                       : copy_bytes(bytes, "\xe1\x14\x77\xe1\xf0\x14\xf0\x77", 8);
    }
    return 0;
}

unsigned scancode_bytes(unsigned set, enum input_key key, bool down, bool alt, bool shifted,
                        uint8_t bytes[SCANCODE_MAX])
{
    uint8_t code = set == 3 ? set3_code(key) : input_key_to_set1(key);
    unsigned n = 0;

    if (set != 3) {
        if (key == INPUT_KEY_print && alt) {
            code = 0x54;        /* SysRq */
        } else if (key == INPUT_KEY_pause || (key == INPUT_KEY_print && !shifted)) {
            return special_bytes(set, key, down, shifted, bytes);
        }
    }
    if (!code) {
        return 0;
    }
    if (set != 3 && code & 0x80) {
        bytes[n++] = 0xe0;
        code &= 0x7f;
    }
    if (set == 1) {
        bytes[n++] = down ? code : code | 0x80;
        return n;
    }
    if (!down) {
        bytes[n++] = 0xf0;
    }
    bytes[n++] = set == 2 ? set1_to_set2(code) : code;
    return n;
}
