/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sound: voices of devices are mixed and go to a back-end (-audiodev). A voice is asked for samples
 * by the guest's clock, or by the back-end's where that has one. All calls hold the big lock.
 */
#ifndef AUDIO_H
#define AUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct audiodev;
struct audio_voice;
struct keyval;
struct option_row;

/* Samples are little endian. */
enum audio_sample { AUDIO_U8, AUDIO_S8, AUDIO_U16, AUDIO_S16, AUDIO_S32 };

struct audio_format {
    uint32_t rate;              /* frames a second, 1000 to 384000 */
    uint8_t channels;           /* 1 or 2 */
    uint8_t sample;             /* enum audio_sample */
};
unsigned audio_frame_bytes(const struct audio_format *format);

/*
 * Output: fills `data` with up to `size` bytes and returns how many; fewer are a gap of silence.
 * Input: takes up to `size` bytes; the rest is lost. Whole frames in both cases.
 */
typedef size_t audio_transfer(void *opaque, uint8_t *data, size_t size);

/* NULL dev: the default one, which is made when it is wanted. Voices start out inactive. Input is
 * silence: no back-end records. */
struct audio_voice *audio_open(struct audiodev *dev, const char *name, bool input,
                               audio_transfer *transfer, void *opaque);
void audio_close(struct audio_voice *voice);
/* Takes effect with the next samples. A rate out of range becomes the nearest one. */
void audio_set_format(struct audio_voice *voice, const struct audio_format *format);
void audio_set_active(struct audio_voice *voice, bool on);
/* The guest hears of every so many frames: it is not asked for more than half of them at once,
 * where possible. 0: it does not matter. */
void audio_set_block(struct audio_voice *voice, uint32_t frames);
/* 255 leaves samples as they are. */
void audio_set_volume(struct audio_voice *voice, bool mute, uint8_t left, uint8_t right);

/* --- for the command line and the monitor ---------------------------------------------------- */

/* -audiodev, -audio-help */
bool audio_option(void *opaque, const struct option_row *row, const char *text, struct error **err);
/* The same as keys; takes them. */
bool audio_create(struct keyval *kv, struct error **err);
/* A struct audiodev by its id, or NULL. */
void *audio_find(const char *id);
/* At exit: files are completed. */
void audio_close_all(void);

/* `wavcapture': what an audiodev (NULL: the default one) plays goes to a file as well. Rate 0, bits
 * 0 and channels 0 choose 44100, 16 and 2. */
bool audio_capture_start(const char *file, const char *dev, unsigned rate, unsigned bits,
                         unsigned channels, struct error **err);
bool audio_capture_stop(unsigned number, struct error **err);
/* `info capture' */
void audio_capture_print(FILE *out);

#endif
