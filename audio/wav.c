/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RIFF WAVE files: -audiodev wav, and captures. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "audio/audio-internal.h"
#include "base/bits.h"

#define HEADER 44

struct wav_dev {
    struct audiodev dev;
    struct wav_file wav;
};

static void write_header(struct wav_file *wav)
{
    unsigned frame = wav->bits / 8 * wav->channels;
    uint32_t bytes = (uint32_t)MIN_OF(wav->bytes, (uint64_t)UINT32_MAX - HEADER);
    uint8_t h[HEADER] = "RIFF....WAVEfmt ";

    st32_le(h + 4, bytes + HEADER - 8);
    st32_le(h + 16, 16);
    st16_le(h + 20, 1);                              /* PCM */
    st16_le(h + 22, (uint16_t)wav->channels);
    st32_le(h + 24, wav->rate);
    st32_le(h + 28, wav->rate * frame);
    st16_le(h + 32, (uint16_t)frame);
    st16_le(h + 34, (uint16_t)wav->bits);
    memcpy(h + 36, "data", 4);
    st32_le(h + 40, bytes);
    if (fseek(wav->file, 0, SEEK_SET) == 0) {
        fwrite(h, 1, sizeof(h), wav->file);
        fseek(wav->file, 0, SEEK_END);
    }
}

bool wav_open(struct wav_file *wav, const char *path, struct error **err)
{
    wav->file = fopen(path, "wb");
    if (!wav->file) {
        error_set_errno(err, errno, "Could not open '%s'", path);
        return false;
    }
    wav->bytes = 0;
    write_header(wav);
    return true;
}

void wav_write(struct wav_file *wav, const struct audio_frame *frames, size_t count)
{
    uint8_t data[AUDIO_CHUNK * 8];
    size_t size = count * wav->bits / 8 * wav->channels;

    if (wav->file) {
        audio_encode(wav->bits, wav->channels, frames, count, data);
        wav->bytes += fwrite(data, 1, size, wav->file);
    }
}

void wav_close(struct wav_file *wav)
{
    if (wav->file) {
        write_header(wav);
        fclose(wav->file);
        wav->file = NULL;
    }
}

/* --- the back-end ---------------------------------------------------------------------------- */

static bool dev_open(struct audiodev *dev, struct keyval *kv, struct error **err)
{
    struct wav_file *wav = &((struct wav_dev *)dev)->wav;

    *wav = (struct wav_file){ .rate = dev->rate, .bits = 16, .channels = 2 };
    return wav_open(wav, keyval_string(kv, "path", "qemu.wav"), err);
}

static void dev_close(struct audiodev *dev)
{
    wav_close(&((struct wav_dev *)dev)->wav);
}

/* Who looks at the file while it is silent finds it complete. */
static void dev_run(struct audiodev *dev, bool on)
{
    struct wav_file *wav = &((struct wav_dev *)dev)->wav;

    if (!on && wav->file) {
        write_header(wav);
        fflush(wav->file);
    }
}

static void dev_write(struct audiodev *dev, const struct audio_frame *frames, size_t count)
{
    wav_write(&((struct wav_dev *)dev)->wav, frames, count);
}

const struct audio_backend audio_wav = {
    .name = "wav", .size = sizeof(struct wav_dev), .open = dev_open, .close = dev_close,
    .run = dev_run, .write = dev_write,
};
