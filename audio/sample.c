/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Samples: formats to and from full scale, and conversions of the rate. */
#include <string.h>

#include "audio/audio-internal.h"
#include "base/bits.h"

static const uint8_t sample_bytes[] = {
    [AUDIO_U8] = 1, [AUDIO_S8] = 1, [AUDIO_U16] = 2, [AUDIO_S16] = 2, [AUDIO_S32] = 4
};

unsigned audio_frame_bytes(const struct audio_format *format)
{
    return sample_bytes[format->sample] * format->channels;
}

static int64_t decode(enum audio_sample sample, const uint8_t *data)
{
    switch (sample) {
    case AUDIO_U8: return ((int64_t)data[0] - 0x80) * (1 << 24);
    case AUDIO_S8: return (int64_t)(int8_t)data[0] * (1 << 24);
    case AUDIO_U16: return ((int64_t)ld16_le(data) - 0x8000) * (1 << 16);
    case AUDIO_S16: return (int64_t)(int16_t)ld16_le(data) * (1 << 16);
    default: return (int32_t)ld32_le(data);
    }
}

void audio_decode(const struct audio_format *format, const uint8_t *data, size_t frames,
                  struct audio_frame *to)
{
    unsigned bytes = sample_bytes[format->sample], second = format->channels == 2 ? bytes : 0;

    for (size_t i = 0; i < frames; i++, data += bytes * format->channels) {
        to[i].left = decode(format->sample, data);
        to[i].right = decode(format->sample, data + second);
    }
}

static uint8_t *encode(unsigned bits, int64_t value, uint8_t *to)
{
    switch (bits) {
    case 8: to[0] = (uint8_t)((value >> 24) + 0x80); break;
    case 16: st16_le(to, (uint16_t)(value >> 16)); break;
    default: st32_le(to, (uint32_t)value); break;
    }
    return to + bits / 8;
}

void audio_encode(unsigned bits, unsigned channels, const struct audio_frame *frames, size_t count,
                  uint8_t *to)
{
    for (size_t i = 0; i < count; i++) {
        if (channels == 1) {
            to = encode(bits, (frames[i].left + frames[i].right) / 2, to);
        } else {
            to = encode(bits, frames[i].left, to);
            to = encode(bits, frames[i].right, to);
        }
    }
}

void audio_silence(const struct audio_format *format, uint8_t *data, size_t size)
{
    if (format->sample == AUDIO_U16) {
        for (size_t i = 0; i + 1 < size; i += 2) {
            st16_le(data + i, 0x8000);
        }
    } else {
        memset(data, format->sample == AUDIO_U8 ? 0x80 : 0, size);
    }
}

/* --- rates ----------------------------------------------------------------------------------- */

#define ONE (1ull << 32)

void audio_resampler_init(struct audio_resampler *r, uint32_t from, uint32_t to)
{
    *r = (struct audio_resampler){ .step = ((uint64_t)from << 32) / to, .at = ONE };
}

size_t audio_resampler_need(const struct audio_resampler *r, size_t frames)
{
    return (size_t)((r->at + r->step * (frames - 1)) >> 32) * (frames != 0);
}

static int64_t between(int64_t before, int64_t next, uint64_t at)
{
    /* 33 bits times 31 fit. */
    return before + ((next - before) * (int64_t)(at >> 1) >> 31);
}

/* With equal rates every frame is a source frame, untouched. */
size_t audio_resample(struct audio_resampler *r, const struct audio_frame *from, size_t count,
                      struct audio_frame *to, size_t room, int64_t left, int64_t right)
{
    bool same = r->step == ONE;

    for (size_t done = 0; done < room; done++) {
        for (; r->at >= ONE; r->at -= ONE, count--) {
            if (!count) {
                return done;
            }
            r->before = r->next;
            r->next = *from++;
        }
        to[done].left += left *
            (same ? r->next.left : between(r->before.left, r->next.left, r->at)) / 256;
        to[done].right += right *
            (same ? r->next.right : between(r->before.right, r->next.right, r->at)) / 256;
        r->at += r->step;
    }
    return room;
}
