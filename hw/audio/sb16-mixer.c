/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mixer chip of the Sound Blaster 16 (CT1745): registers and volumes. */
#include "hw/audio/sb16-mixer.h"

#include <string.h>

#include "audio.h"

enum { MASTER_LEFT = 0x30, MASTER_RIGHT, VOICE_LEFT, VOICE_RIGHT, MIDI_LEFT, MIDI_RIGHT,
       OLD_VOICE = 0x04, OLD_MASTER = 0x22, OLD_MIDI = 0x26 };

void sb16_mixer_reset(uint8_t *mixer)
{
    memset(mixer, 0, 256);
    memset(mixer + MASTER_LEFT, 0xf8, 6);            /* all the way up, as drivers leave it */
    mixer[OLD_VOICE] = mixer[OLD_MASTER] = mixer[OLD_MIDI] = 0xff;
    mixer[0x3c] = 0x1f;
    mixer[0x3d] = 0x15;
    mixer[0x3e] = 0x0b;
    memset(mixer + 0x44, 0x80, 4);
}

/* Registers of older mixers have two volumes of four bits for the new ones of five. */
static void copy_old(uint8_t *mixer, unsigned left, uint8_t value)
{
    mixer[left] = (value & 0xf0) | (value & 0x80 ? 0x08 : 0);
    mixer[left + 1] = (uint8_t)(value << 4) | (value & 0x08 ? 0x08 : 0);
}

void sb16_mixer_write(uint8_t *mixer, uint8_t index, uint8_t value)
{
    switch (index) {
    case 0x00: sb16_mixer_reset(mixer); return;
    case 0x80: case 0x81: case 0x82: return;         /* jumpers; the interrupt's status */
    case OLD_VOICE: copy_old(mixer, VOICE_LEFT, value); break;
    case OLD_MASTER: copy_old(mixer, MASTER_LEFT, value); break;
    case OLD_MIDI: copy_old(mixer, MIDI_LEFT, value); break;
    default: break;
    }
    mixer[index] = value;
}

/* 31 steps of 2 dB, as fractions of 255. */
static unsigned level(uint8_t value)
{
    static const uint8_t steps[32] = {
        0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 10, 13, 16, 20, 26, 32, 40, 51, 64, 81,
        102, 128, 161, 203, 255
    };

    return steps[value >> 3];
}

void sb16_set_volume(struct audio_voice *voice, const uint8_t *mixer)
{
    audio_set_volume(voice, false,
                     (uint8_t)(level(mixer[MASTER_LEFT]) * level(mixer[VOICE_LEFT]) / 255),
                     (uint8_t)(level(mixer[MASTER_RIGHT]) * level(mixer[VOICE_RIGHT]) / 255));
}
