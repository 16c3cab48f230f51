/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Glyphs of text consoles: letters of 5 by 7 points (9 with a descender) stretched to 8 by 16,
 * accents put on them, and lines and blocks computed. */
#include <glib.h>
#include <string.h>

#include "ui/text-internal.h"

/* A row of points is a digit of base 32, the left one worth 16; from the top to the base line and
 * two rows below it. */
static const char *const letters[95] = {
    "0000000", "4444404", "aaa0000", "aavavaa", "4fke5u4", "pp248jj", "cik8lid", "4480000",
    "2488842", "8422248", "04lel40", "044v440", "00000cc48", "000v000", "00000cc", "01248g0",
    "ehjlphe", "4c4444e", "eh1248v", "v2421he", "26aiv22", "vgu11he", "68guhhe", "v124888",
    "ehhehhe", "ehhf12c", "0cc0cc0", "0cc00cc48", "248g842", "00v0v00", "8421248", "eh12404",
    "eh1dlle", "ehhvhhh", "uhhuhhu", "ehggghe", "sihhhis", "vgguggv", "vgguggg", "ehgnhhf",
    "hhhvhhh", "e44444e", "72222ic", "hikokih", "ggggggv", "hrllhhh", "hhpljhh", "ehhhhhe",
    "uhhuggg", "ehhhlid", "uhhukih", "fgge11u", "v444444", "hhhhhhe", "hhhhha4", "hhhllla",
    "hha4ahh", "hhha444", "v1248gv", "e88888e", "0g84210", "e22222e", "4ah0000", "00000000v",
    "8420000", "00e1fhf", "ggmphhu", "00egghe", "11djhhf", "00ehvge", "698s888", "00fhhhf1e",
    "ggmphhh", "40c444e", "2062222ic", "ggikoki", "c44444e", "00qllhh", "00mphhh", "00ehhhe",
    "00uhhhugg", "00fhhhf11", "00mpggg", "00fge1u", "88s8896", "00hhhjd", "00hhha4", "00hhlla",
    "00ha4ah", "00hhhhf1e", "00v248v", "2448442", "4444444", "8442448", "008l200",
};

/* Two rows above a letter, for combining marks. */
static const struct { uint32_t mark; char rows[3]; } accents[] = {
    { 0x300, "84" }, { 0x301, "24" }, { 0x302, "4a" }, { 0x303, "9m" }, { 0x304, "0e" },
    { 0x306, "he" }, { 0x307, "04" }, { 0x308, "0a" }, { 0x30a, "aa" }, { 0x30b, "ai" },
    { 0x30c, "a4" },
};

static unsigned points(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* Five points to seven pixels: the second and fourth twice as wide. */
static uint8_t widen(unsigned row)
{
    return (uint8_t)((row & 16) << 2 | (row & 8) << 2 | (row & 8) << 1 | (row & 4) << 1 |
                     (row & 2) << 1 | (row & 2) | (row & 1));
}

/* Rows of pixels for each row of points: ten above the base line and three below. */
static void draw_points(const char *digits, uint8_t *rows)
{
    static const uint8_t first[10] = { 2, 3, 5, 6, 8, 9, 11, 12, 14, 15 };

    for (unsigned i = 0; digits[i]; i++) {
        for (unsigned row = first[i]; row < first[i + 1]; row++) {
            rows[row] = widen(points(digits[i]));
        }
    }
}

static bool draw_letter(uint32_t c, uint8_t *rows)
{
    gunichar base, mark;

    if (c >= ' ' && c < 127) {
        draw_points(letters[c - ' '], rows);
        return true;
    }
    if (!g_unichar_decompose(c, &base, &mark) || base < ' ' || base >= 127) {
        return false;
    }
    draw_points(letters[base - ' '], rows);
    for (size_t i = 0; i < G_N_ELEMENTS(accents); i++) {
        if (accents[i].mark == mark) {
            unsigned at = g_unichar_islower(base) ? 3 : 0;

            rows[at] = widen(points(accents[i].rows[0]));
            rows[at + 1] = widen(points(accents[i].rows[1]));
        }
    }
    return true;
}

/* --- lines and blocks ------------------------------------------------------------------------ */

enum { UP = 1, DOWN = 2, LEFT = 4, RIGHT = 8 };

static unsigned arms(uint32_t c)
{
    static const struct { uint16_t first, last; uint8_t arms; } lines[] = {
        { 0x2500, 0x2501, LEFT | RIGHT }, { 0x2502, 0x2503, UP | DOWN },
        { 0x2504, 0x2505, LEFT | RIGHT }, { 0x2506, 0x2507, UP | DOWN },
        { 0x250c, 0x250f, DOWN | RIGHT }, { 0x2510, 0x2513, DOWN | LEFT },
        { 0x2514, 0x2517, UP | RIGHT }, { 0x2518, 0x251b, UP | LEFT },
        { 0x251c, 0x2523, UP | DOWN | RIGHT }, { 0x2524, 0x252b, UP | DOWN | LEFT },
        { 0x252c, 0x2533, DOWN | LEFT | RIGHT }, { 0x2534, 0x253b, UP | LEFT | RIGHT },
        { 0x253c, 0x254b, UP | DOWN | LEFT | RIGHT }, { 0x2550, 0x2550, LEFT | RIGHT },
        { 0x2551, 0x2551, UP | DOWN }, { 0x2552, 0x2554, DOWN | RIGHT },
        { 0x2555, 0x2557, DOWN | LEFT }, { 0x2558, 0x255a, UP | RIGHT },
        { 0x255b, 0x255d, UP | LEFT }, { 0x255e, 0x2560, UP | DOWN | RIGHT },
        { 0x2561, 0x2563, UP | DOWN | LEFT }, { 0x2564, 0x2566, DOWN | LEFT | RIGHT },
        { 0x2567, 0x2569, UP | LEFT | RIGHT }, { 0x256a, 0x256c, UP | DOWN | LEFT | RIGHT },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        if (c >= lines[i].first && c <= lines[i].last) {
            return lines[i].arms;
        }
    }
    return 0;
}

static bool draw_lines(uint32_t c, uint8_t *rows)
{
    unsigned a = arms(c);

    for (unsigned y = 0; a && y < TEXT_HEIGHT; y++) {
        if ((y <= 8 && a & UP) || (y >= 8 && a & DOWN)) {
            rows[y] |= 0x10;
        }
    }
    rows[8] |= (uint8_t)((a & LEFT ? 0xf0 : 0) | (a & RIGHT ? 0x1f : 0));
    return a != 0;
}

static bool draw_block(uint32_t c, uint8_t *rows)
{
    for (unsigned y = 0; y < TEXT_HEIGHT; y++) {
        switch (c) {
        case 0x2580: rows[y] = y < 8 ? 0xff : 0; break;
        case 0x2581 ... 0x2588: rows[y] = y >= 16 - 2 * (c - 0x2580) ? 0xff : 0; break;
        case 0x258c: rows[y] = 0xf0; break;
        case 0x2590: rows[y] = 0x0f; break;
        case 0x2591: rows[y] = y & 1 ? 0x22 : 0x88; break;
        case 0x2592: rows[y] = y & 1 ? 0x55 : 0xaa; break;
        case 0x2593: rows[y] = y & 1 ? 0xdd : 0x77; break;
        case 0x25a0: rows[y] = y >= 4 && y < 12 ? 0x7e : 0; break;
        default: return false;
        }
    }
    return true;
}

void text_glyph(uint32_t c, uint8_t *rows)
{
    memset(rows, 0, TEXT_HEIGHT);
    if (c == 0xa0 || draw_letter(c, rows) || draw_lines(c, rows) || draw_block(c, rows)) {
        return;
    }
    /* An empty box for what there is no picture of. */
    for (unsigned y = 3; y < 12; y++) {
        rows[y] = y == 3 || y == 11 ? 0x7c : 0x44;
    }
}
