/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacks the Sound Blaster's differences. */
#include "hw/audio/sb16-adpcm.h"

#include "base/bits.h"

/* By bits: how many samples, how far the step goes, and which magnitude makes it grow; the smallest
 * makes it shrink. */
static const struct packing {
    uint8_t samples, last_step, growing;
    uint8_t scale[6];
} packings[] = {
    [2] = { 4, 5, 1, { 1, 2, 4, 8, 16, 32 } },
    [3] = { 3, 4, 3, { 1, 2, 4, 8, 10 } },
    [4] = { 2, 3, 5, { 1, 2, 4, 8 } },
};

unsigned sb16_adpcm_samples(const struct sb16_adpcm *a)
{
    return a->bits ? packings[a->bits].samples : 1;
}

bool sb16_adpcm_is_possible(const struct sb16_adpcm *a)
{
    return !a->bits || (a->bits >= 2 && a->bits <= 4 && a->step <= packings[a->bits].last_step);
}

static uint8_t next_sample(struct sb16_adpcm *a, unsigned code)
{
    const struct packing *p = &packings[a->bits];
    unsigned sign = 1u << (a->bits - 1), magnitude = code & (sign - 1);
    int scale = p->scale[a->step], difference = (int)magnitude * scale + scale / 2;
    int value = a->value + (code & sign ? -difference : difference);

    a->value = (uint8_t)MAX_OF(MIN_OF(value, 255), 0);
    if (magnitude >= p->growing && a->step < p->last_step) {
        a->step++;
    } else if (!magnitude && a->step) {
        a->step--;
    }
    return a->value;
}

unsigned sb16_adpcm_decode(struct sb16_adpcm *a, uint8_t byte, uint8_t *samples)
{
    unsigned count = packings[a->bits].samples;

    if (a->reference) {
        a->reference = false;
        a->value = byte;
        a->step = 0;
        return 0;
    }
    /* Of 2.6 bits the last sample has two, the upper ones. */
    for (unsigned i = 0, left = 8; i < count; i++) {
        unsigned code = left >= a->bits ? byte >> (left - a->bits) : (unsigned)byte << 1;

        left -= MIN_OF(left, a->bits);
        samples[i] = next_sample(a, code);
    }
    return count;
}
