/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audio devices and their mixer.
 *
 * A tick asks the back-end how many frames it takes, each voice for as many, and hands the sum on.
 * It runs only while a voice is active, so a machine that is silent costs nothing.
 */
#include <glib.h>
#include <string.h>

#include "audio/audio-internal.h"
#include "base/bits.h"

#define DEFAULT_RATE 44100
#define DEFAULT_PERIOD_US 10000
#define MAX_LAG_NS NS_PER_SECOND        /* of the clock: what is older is not made up for */

struct audiodev *audio_devs;

/* --- the mixer ------------------------------------------------------------------------------- */

static void play(struct audio_voice *voice, struct audio_frame *mix, size_t count)
{
    unsigned bytes = audio_frame_bytes(&voice->format);
    size_t left = audio_resampler_need(&voice->resampler, count), done = 0;
    bool mute = voice->mute;

    while (left || done < count) {
        size_t part = MIN_OF(left, (size_t)AUDIO_CHUNK), got = 0;
        struct audio_frame frames[AUDIO_CHUNK];
        uint8_t data[AUDIO_CHUNK * 8];

        if (part) {
            got = voice->transfer(voice->opaque, data, part * bytes) / bytes;
            got = MIN_OF(got, part);
            audio_decode(&voice->format, data, got, frames);
        }
        done += audio_resample(&voice->resampler, frames, got, mix + done, count - done,
                               mute ? 0 : voice->left, mute ? 0 : voice->right);
        left -= part;
        if (!left || got < part) {
            return;                      /* done, or a gap */
        }
    }
}

static void record(struct audio_voice *voice, size_t count)
{
    unsigned bytes = audio_frame_bytes(&voice->format);
    size_t left = audio_resampler_need(&voice->resampler, count);

    voice->resampler.at += voice->resampler.step * count;
    voice->resampler.at -= (uint64_t)left << 32;
    while (left && voice->active) {
        size_t part = MIN_OF(left, (size_t)AUDIO_CHUNK);
        uint8_t data[AUDIO_CHUNK * 8];

        audio_silence(&voice->format, data, part * bytes);
        voice->transfer(voice->opaque, data, part * bytes);
        left -= part;
    }
}

static int64_t clip(int64_t value)
{
    return MAX_OF(MIN_OF(value, (int64_t)INT32_MAX), (int64_t)INT32_MIN);
}

static void mix(struct audiodev *dev, size_t count)
{
    struct audio_frame frames[AUDIO_CHUNK];
    bool output = false;

    memset(frames, 0, count * sizeof(*frames));
    for (struct audio_voice *voice = dev->voices; voice; voice = voice->next) {
        if (!voice->active) {
            continue;
        }
        if (voice->input) {
            record(voice, count);
        } else {
            play(voice, frames, count);
            output = true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        frames[i].left = clip(frames[i].left);
        frames[i].right = clip(frames[i].right);
    }
    if (output && dev->backend->write) {
        dev->backend->write(dev, frames, count);
    }
    if (output) {
        audio_captures_write(dev, frames, count);
    }
}

/* --- ticks ----------------------------------------------------------------------------------- */

static size_t frames_due(struct audiodev *dev)
{
    int64_t now = clock_ns(CLOCK_VM);
    uint64_t total = clock_ns_to_ticks((uint64_t)MAX_OF(now - dev->started, (int64_t)0), dev->rate);
    uint64_t most = (uint64_t)MAX_LAG_NS / NS_PER_SECOND * dev->rate;

    if (total > dev->played + most) {
        dev->played = total - most;
    }
    return total > dev->played ? (size_t)(total - dev->played) : 0;
}

static void stop(struct audiodev *dev)
{
    dev->running = false;
    timer_cancel(&dev->tick);
    if (dev->backend->run) {
        dev->backend->run(dev, false);
    }
}

static bool any_active(const struct audiodev *dev)
{
    for (const struct audio_voice *voice = dev->voices; voice; voice = voice->next) {
        if (voice->active) {
            return true;
        }
    }
    return false;
}

/* Until the next tick: half a block of the voice with the shortest ones, from 1 ms on. */
static int64_t period(const struct audiodev *dev)
{
    uint64_t ns = dev->period_ns;

    for (const struct audio_voice *voice = dev->voices; voice; voice = voice->next) {
        if (voice->active && voice->block) {
            ns = MIN_OF(ns, clock_ticks_to_ns(voice->block, voice->format.rate) / 2);
        }
    }
    return (int64_t)MAX_OF(ns, (uint64_t)NS_PER_MS);
}

static void tick(void *opaque)
{
    struct audiodev *dev = opaque;
    size_t left = dev->backend->room ? dev->backend->room(dev) : frames_due(dev);

    dev->played += left;
    while (left && any_active(dev)) {
        size_t part = MIN_OF(left, (size_t)AUDIO_CHUNK);

        mix(dev, part);
        left -= part;
    }
    if (any_active(dev)) {
        timer_set(&dev->tick, clock_ns(CLOCK_VM) + period(dev));
    } else {
        stop(dev);
    }
}

static void start(struct audiodev *dev)
{
    dev->running = true;
    dev->started = clock_ns(CLOCK_VM);
    dev->played = 0;
    if (dev->backend->run) {
        dev->backend->run(dev, true);
    }
    timer_set(&dev->tick, dev->started + period(dev));
}

/* --- voices ---------------------------------------------------------------------------------- */

struct audio_voice *audio_open(struct audiodev *dev, const char *name, bool input,
                               audio_transfer *transfer, void *opaque)
{
    struct audio_voice *voice = g_new0(struct audio_voice, 1);

    dev = dev ? dev : audio_default();
    *voice = (struct audio_voice){
        .dev = dev, .name = g_strdup(name), .input = input, .transfer = transfer,
        .opaque = opaque, .left = 256, .right = 256, .next = dev->voices,
    };
    dev->voices = voice;
    audio_set_format(voice, &(struct audio_format){ dev->rate, 2, AUDIO_S16 });
    return voice;
}

void audio_close(struct audio_voice *voice)
{
    struct audio_voice **at;

    if (!voice) {
        return;
    }
    at = &voice->dev->voices;
    audio_set_active(voice, false);
    while (*at != voice) {
        at = &(*at)->next;
    }
    *at = voice->next;
    g_free(voice->name);
    g_free(voice);
}

void audio_set_format(struct audio_voice *voice, const struct audio_format *format)
{
    struct audio_format wanted = *format;
    struct audio_format *now = &voice->format;

    wanted.rate = MIN_OF(MAX_OF(wanted.rate, 1000u), 384000u);
    if (wanted.rate != now->rate) {
        audio_resampler_init(&voice->resampler, wanted.rate, voice->dev->rate);
    }
    *now = wanted;
}

/* The last voice ends with the tick that finds none, so that a pause is not an end. */
void audio_set_active(struct audio_voice *voice, bool on)
{
    if (on && !voice->active) {
        audio_resampler_init(&voice->resampler, voice->format.rate, voice->dev->rate);
    }
    voice->active = on;
    if (on && !voice->dev->running) {
        start(voice->dev);
    }
}

void audio_set_block(struct audio_voice *voice, uint32_t frames)
{
    voice->block = frames;
}

void audio_set_volume(struct audio_voice *voice, bool mute, uint8_t left, uint8_t right)
{
    voice->mute = mute;
    voice->left = left + left / 255;
    voice->right = right + right / 255;
}

/* --- devices --------------------------------------------------------------------------------- */

static const struct audio_backend *const backends[] = { &audio_none, &audio_wav, &audio_sdl };

static const struct audio_backend *find_backend(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
        if (strcmp(backends[i]->name, name) == 0) {
            return backends[i];
        }
    }
    return NULL;
}

void *audio_find(const char *id)
{
    for (struct audiodev *dev = audio_devs; dev; dev = dev->next) {
        if (strcmp(dev->id, id) == 0) {
            return dev;
        }
    }
    return NULL;
}

/* What of the stream can be chosen; the rest is fixed: 16 bits, two channels. */
static bool read_stream(struct audiodev *dev, struct keyval *kv, struct error **err)
{
    uint64_t rate = DEFAULT_RATE, period = DEFAULT_PERIOD_US, channels = 2;
    bool flag = true;

    if (!keyval_uint(kv, "out.frequency", &rate, err) ||
        !keyval_uint(kv, "timer-period", &period, err) ||
        !keyval_uint(kv, "out.channels", &channels, err) ||
        !keyval_bool(kv, "out.fixed-settings", &flag, err) ||
        !keyval_bool(kv, "out.mixing-engine", &flag, err)) {
        return false;
    }
    if (rate < 1000 || rate > 384000 || period < 1000 || period > 1000000) {
        error_set(err, "-audiodev: out.frequency is 1000 to 384000, timer-period (in us) 1000 to "
                  "1000000");
        return false;
    }
    if (channels != 2 || strcmp(keyval_string(kv, "out.format", "s16"), "s16") != 0) {
        error_set(err, "-audiodev: the stream always has two channels of format s16");
        return false;
    }
    dev->rate = (uint32_t)rate;
    dev->period_ns = period * NS_PER_US;
    return true;
}

static struct audiodev *open_dev(struct keyval *kv, struct error **err)
{
    const char *driver = keyval_string(kv, "driver", ""), *id = keyval_string(kv, "id", NULL);
    const struct audio_backend *backend = find_backend(driver);
    struct audiodev *dev;

    if (!backend || !id || audio_find(id)) {
        if (!backend) {
            error_set(err, "-audiodev: driver '%s' is not there; there are none, wav and sdl",
                      driver);
        } else {
            error_set(err, id ? "-audiodev: Duplicate ID '%s'" : "-audiodev: Parameter 'id' is "
                      "missing", id);
        }
        return NULL;
    }
    dev = g_malloc0(backend->size);
    dev->backend = backend;
    timer_init(&dev->tick, CLOCK_VM, tick, dev);
    if (!read_stream(dev, kv, err) || (backend->open && !backend->open(dev, kv, err))) {
        g_free(dev);
        return NULL;
    }
    dev->id = g_strdup(id);
    if (!keyval_check(kv, err)) {
        if (backend->close) {
            backend->close(dev);
        }
        g_free(dev->id);
        g_free(dev);
        return NULL;
    }
    return dev;
}

bool audio_create(struct keyval *kv, struct error **err)
{
    struct audiodev *dev = open_dev(kv, err), **at = &audio_devs;

    keyval_free(kv);
    if (!dev) {
        return false;
    }
    while (*at) {
        at = &(*at)->next;
    }
    *at = dev;
    return true;
}

void audio_close_all(void)
{
    audio_captures_close();
    for (struct audiodev *dev = audio_devs; dev; dev = dev->next) {
        if (dev->running) {
            tick(dev);                   /* what was due until now */
            stop(dev);
        }
        for (struct audio_voice *voice = dev->voices; voice; voice = voice->next) {
            voice->active = false;
        }
        if (dev->backend->close) {
            dev->backend->close(dev);
        }
        dev->backend = &audio_none;
    }
}
