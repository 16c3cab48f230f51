/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `wavcapture': files that get what an audio device plays. */
#include <glib.h>
#include <string.h>

#include "audio/audio-internal.h"
#include "base/bits.h"

struct capture {
    struct audiodev *dev;
    char *path;
    struct wav_file wav;
    struct audio_resampler resampler;
    struct capture *next;
};

static struct capture *captures;

static void write_resampled(struct capture *c, const struct audio_frame *frames, size_t count)
{
    struct audio_frame out[AUDIO_CHUNK];

    while (count) {
        size_t room, used, made;

        memset(out, 0, sizeof(out));
        for (room = AUDIO_CHUNK; room && audio_resampler_need(&c->resampler, room) > count;) {
            room--;
        }
        used = room ? audio_resampler_need(&c->resampler, room) : count;
        made = audio_resample(&c->resampler, frames, used, out, room ? room : 1, 256, 256);
        wav_write(&c->wav, out, made);
        frames += used;
        count -= used;
        if (!used) {
            return;
        }
    }
}

void audio_captures_write(struct audiodev *dev, const struct audio_frame *frames, size_t count)
{
    for (struct capture *c = captures; c; c = c->next) {
        if (c->dev != dev) {
            continue;
        }
        if (c->wav.rate == dev->rate) {
            wav_write(&c->wav, frames, count);
        } else {
            write_resampled(c, frames, count);
        }
    }
}

bool audio_capture_start(const char *file, const char *id, unsigned rate, unsigned bits,
                         unsigned channels, struct error **err)
{
    struct audiodev *dev = id ? audio_find(id) : audio_default();
    struct capture *c, **at = &captures;

    rate = rate ? rate : 44100;
    bits = bits ? bits : 16;
    channels = channels ? channels : 2;
    if (!dev) {
        error_set(err, "Audiodev '%s' not found", id);
        return false;
    }
    if ((bits != 8 && bits != 16) || channels > 2 || rate < 1000 || rate > 384000) {
        error_set(err, "a capture has 8 or 16 bits, 1 or 2 channels, 1000 to 384000 Hz");
        return false;
    }
    c = g_new0(struct capture, 1);
    c->dev = dev;
    c->wav = (struct wav_file){ .rate = rate, .bits = bits, .channels = channels };
    if (!wav_open(&c->wav, file, err)) {
        g_free(c);
        return false;
    }
    c->path = g_strdup(file);
    audio_resampler_init(&c->resampler, dev->rate, rate);
    while (*at) {
        at = &(*at)->next;
    }
    *at = c;
    return true;
}

static void end(struct capture **at)
{
    struct capture *c = *at;

    *at = c->next;
    wav_close(&c->wav);
    g_free(c->path);
    g_free(c);
}

bool audio_capture_stop(unsigned number, struct error **err)
{
    struct capture **at = &captures;

    while (*at && number-- > 0) {
        at = &(*at)->next;
    }
    if (!*at) {
        error_set(err, "there is no capture of that number");
        return false;
    }
    end(at);
    return true;
}

void audio_captures_close(void)
{
    while (captures) {
        end(&captures);
    }
}

void audio_capture_print(FILE *out)
{
    unsigned n = 0;

    for (const struct capture *c = captures; c; c = c->next) {
        fprintf(out, "[%u]: Capturing audio(%u,%u,%u) to %s: %" G_GUINT64_FORMAT " bytes\n", n++,
                c->wav.rate, c->wav.bits, c->wav.channels, c->path, c->wav.bytes);
    }
}
