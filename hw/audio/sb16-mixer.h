/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mixer chip of the Sound Blaster 16 (CT1745): registers and volumes. */
#ifndef HW_AUDIO_SB16_MIXER_H
#define HW_AUDIO_SB16_MIXER_H

#include <stdint.h>

struct audio_voice;

/* `mixer` is the 256 registers. */
void sb16_mixer_reset(uint8_t *mixer);
void sb16_mixer_write(uint8_t *mixer, uint8_t index, uint8_t value);
/* Master and voice volume as the registers have them. */
void sb16_set_volume(struct audio_voice *voice, const uint8_t *mixer);

#endif
