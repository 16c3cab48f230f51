/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to audio/: back-ends, voices and the mixer. */
#ifndef AUDIO_AUDIO_INTERNAL_H
#define AUDIO_AUDIO_INTERNAL_H

#include "audio.h"
#include "base/clock.h"
#include "base/keyval.h"

#define AUDIO_CHUNK 1024                /* frames that are mixed at once */

/* A frame while it is mixed: full scale is that of int32_t. */
struct audio_frame { int64_t left, right; };

struct audio_backend {
    const char *name;
    size_t size;                        /* of its struct, which starts with struct audiodev */
    bool (*open)(struct audiodev *dev, struct keyval *kv, struct error **err);
    void (*close)(struct audiodev *dev);
    /* Sound begins or ends for a while; may be NULL. */
    void (*run)(struct audiodev *dev, bool on);
    /* Frames that it takes now; NULL: as many as have passed by the guest's clock. */
    size_t (*room)(struct audiodev *dev);
    /* Frames within full scale. May be NULL. */
    void (*write)(struct audiodev *dev, const struct audio_frame *frames, size_t count);
};
extern const struct audio_backend audio_none, audio_wav, audio_sdl;

/* A rate conversion by straight lines between frames. */
struct audio_resampler {
    uint64_t step, at;                  /* source frames for each frame; both 32.32 */
    struct audio_frame before, next;
};

struct audio_voice {
    struct audiodev *dev;
    char *name;
    bool input, active, mute;
    uint32_t block;                     /* frames; 0: any */
    struct audio_format format;
    int64_t left, right;                /* volumes, 256 is full */
    struct audio_resampler resampler;
    audio_transfer *transfer;
    void *opaque;
    struct audio_voice *next;
};

struct audiodev {
    const struct audio_backend *backend;
    char *id;
    uint32_t rate;
    uint64_t period_ns;
    struct timer tick;
    bool running;
    int64_t started;                    /* on CLOCK_VM */
    uint64_t played;                    /* frames since then */
    struct audio_voice *voices;
    struct audiodev *next;
};

/* audio.c */
struct audiodev *audio_default(void);
extern struct audiodev *audio_devs;

/* sample.c */
void audio_decode(const struct audio_format *format, const uint8_t *data, size_t frames,
                  struct audio_frame *to);
/* 8 bits are unsigned, 16 and 32 signed. */
void audio_encode(unsigned bits, unsigned channels, const struct audio_frame *frames, size_t count,
                  uint8_t *to);
void audio_silence(const struct audio_format *format, uint8_t *data, size_t size);
void audio_resampler_init(struct audio_resampler *r, uint32_t from, uint32_t to);
/* Source frames that so many frames will use up. */
size_t audio_resampler_need(const struct audio_resampler *r, size_t frames);
/* Returns the frames made, fewer than `room` when the source is too short; adds them to `to`, times
 * the volumes. */
size_t audio_resample(struct audio_resampler *r, const struct audio_frame *from, size_t count,
                      struct audio_frame *to, size_t room, int64_t left, int64_t right);

/* wav.c */
struct wav_file {
    FILE *file;
    unsigned rate, bits, channels;
    uint64_t bytes;
};
bool wav_open(struct wav_file *wav, const char *path, struct error **err);
void wav_write(struct wav_file *wav, const struct audio_frame *frames, size_t count);
/* Completes the header. */
void wav_close(struct wav_file *wav);

/* capture.c: what was mixed */
void audio_captures_write(struct audiodev *dev, const struct audio_frame *frames, size_t count);
void audio_captures_close(void);

#endif
