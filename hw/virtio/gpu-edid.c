/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The description that a monitor gives of itself (VESA E-EDID 1.4), one block. */
#include <string.h>

#include "base/bits.h"
#include "hw/virtio/gpu.h"

enum { DESCRIPTORS = 54, DESCRIPTOR_SIZE = 18, RANGES = 0xfd, NAME = 0xfc };
enum { DOTS_PER_METRE = 3937, MAX_CLOCK = 65535 };
/* Reduced blanking (VESA CVT 1.1, 5): pixels, and the least time of vertical blanking. */
enum { H_BLANK = 160, H_FRONT = 48, H_SYNC = 32, V_FRONT = 3, V_SYNC = 6, V_BLANK_US = 460 };

static unsigned millimetres(unsigned pixels)
{
    return pixels * 1000 / DOTS_PER_METRE;
}

/* Lines that take 460 us of a frame of 1/60 s. */
static unsigned vertical_blank(unsigned height)
{
    return MAX_OF(height * V_BLANK_US / (1000000 / 60 - V_BLANK_US) + 1, V_FRONT + V_SYNC + 6u);
}

/* Detailed timing (3.10.2): the low bytes of each pair, then the high nibbles. */
static void put_timing(uint8_t *d, unsigned width, unsigned height)
{
    unsigned blank = vertical_blank(height), wide = millimetres(width), high = millimetres(height);
    uint64_t clock = (uint64_t)(width + H_BLANK) * (height + blank) * 60 / 10000;

    st16_le(d, (uint16_t)MIN_OF(clock, (uint64_t)MAX_CLOCK));
    d[2] = (uint8_t)width;
    d[3] = H_BLANK;
    d[4] = (uint8_t)(width >> 8 << 4);
    d[5] = (uint8_t)height;
    d[6] = (uint8_t)blank;
    d[7] = (uint8_t)(height >> 8 << 4 | blank >> 8);
    d[8] = H_FRONT;
    d[9] = H_SYNC;
    d[10] = V_FRONT << 4 | V_SYNC;
    d[12] = (uint8_t)wide;
    d[13] = (uint8_t)high;
    d[14] = (uint8_t)((wide >> 8 & 15) << 4 | (high >> 8 & 15));
    d[17] = 0x1a;                                /* digital, separate, positive horizontal sync */
}

static void put_text(uint8_t *d, uint8_t tag, const char *text)
{
    d[3] = tag;
    memset(d + 5, ' ', 13);
    memcpy(d + 5, text, strlen(text));
    d[5 + strlen(text)] = '\n';
}

static void put_ranges(uint8_t *d)
{
    static const uint8_t ranges[13] = { 50, 125, 30, 160, 66, 1, '\n', ' ', ' ', ' ', ' ', ' ',
                                        ' ' };       /* Hz, kHz, 10 MHz; no formula */

    d[3] = RANGES;
    memcpy(d + 5, ranges, sizeof(ranges));
}

void gpu_make_edid(uint8_t edid[GPU_EDID_SIZE], unsigned width, unsigned height)
{
    static const uint8_t head[] = {
        0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
        0x44, 0xad, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00,     /* "QEM", product, serial number */
        1, 30, 1, 4, 0xa5                                   /* week, year, 1.4, digital 8 bits */
    };
    /* sRGB's primaries, then no established timing but 640x480, 800x600 and 1024x768 at 60 Hz. */
    static const uint8_t colors[] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54,
                                      0x21, 0x08, 0x00 };
    uint8_t *d = edid + DESCRIPTORS, sum = 0;

    memset(edid, 0, GPU_EDID_SIZE);
    memcpy(edid, head, sizeof(head));
    edid[21] = (uint8_t)MIN_OF(millimetres(width) / 10, 255u);
    edid[22] = (uint8_t)MIN_OF(millimetres(height) / 10, 255u);
    edid[23] = 120;                              /* gamma 2.2 */
    edid[24] = 0x06;                             /* sRGB, the first timing is the native one */
    memcpy(edid + 25, colors, sizeof(colors));
    memset(edid + 38, 0x01, 16);                 /* no standard timings */
    put_timing(d, width, height);
    put_ranges(d + DESCRIPTOR_SIZE);
    put_text(d + 2 * DESCRIPTOR_SIZE, NAME, "Monitor");
    d[3 * DESCRIPTOR_SIZE + 3] = 0x10;           /* unused */
    for (unsigned i = 0; i < GPU_EDID_SIZE - 1; i++) {
        sum += edid[i];
    }
    edid[GPU_EDID_SIZE - 1] = (uint8_t)-sum;
}
