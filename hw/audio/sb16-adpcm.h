/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packed samples of Sound Blasters: differences of 4, 2.6 or 2 bits, whose steps grow and
 * shrink with them.
 */
#ifndef HW_AUDIO_SB16_ADPCM_H
#define HW_AUDIO_SB16_ADPCM_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/core/state.h"

#define SB16_ADPCM_MAX 4               /* samples of a byte */

struct sb16_adpcm {
    uint8_t bits;                      /* 4, 3 for 2.6, 2; 0: samples are not packed */
    bool reference;                    /* the next byte is a sample to start from */
    uint8_t value, step;
};

/* Samples of a byte. */
unsigned sb16_adpcm_samples(const struct sb16_adpcm *a);
/* Unpacks a byte to so many unsigned samples. */
unsigned sb16_adpcm_decode(struct sb16_adpcm *a, uint8_t byte, uint8_t *samples);
bool sb16_adpcm_is_possible(const struct sb16_adpcm *a);

FIELDS(sb16_adpcm) = {
    FIELD(sb16_adpcm, bits), FIELD(sb16_adpcm, reference), FIELD(sb16_adpcm, value),
    FIELD(sb16_adpcm, step), FIELDS_END
};

#endif
