/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -audiodev sdl: the desktop's sound by SDL 2, whose library is loaded only when it is wanted.
 *
 * SDL's thread takes frames out of a ring that the mixer keeps filled: its clock sets the pace.
 */
#include "audio/audio-internal.h"

#ifdef CONFIG_SDL
#include <SDL.h>
#include <string.h>

#include "base/bits.h"
#include "base/library.h"

#define LIBRARY "libSDL2-2.0.so.0"
#define RING 8192                       /* frames; a power of two */
#define FRAME_BYTES 4
#define BLOCK 512

#define FUNCTIONS(F) F(InitSubSystem) F(GetError) F(OpenAudioDevice) F(CloseAudioDevice) \
    F(PauseAudioDevice)

static struct {
#define F(name) __typeof__(SDL_##name) *name;
    FUNCTIONS(F)
#undef F
} sdl;

struct sdl_dev {
    struct audiodev dev;
    SDL_AudioDeviceID handle;
    uint32_t put, taken;                /* frames so far; each is written by one side, atomically */
    uint32_t fill;                      /* frames that are kept in the ring */
    uint8_t ring[RING * FRAME_BYTES];
};

static bool load(struct error **err)
{
    static const struct library_symbol functions[] = {
#define F(name) { "SDL_" #name, &sdl.name },
        FUNCTIONS(F)
#undef F
    };

    return library_load("-audiodev sdl", LIBRARY, "libsdl2-2.0-0", functions,
                        ARRAY_LEN(functions), err);
}

/* On SDL's thread. */
static void take(void *opaque, Uint8 *stream, int size)
{
    struct sdl_dev *d = opaque;
    uint32_t taken = d->taken, put = __atomic_load_n(&d->put, __ATOMIC_ACQUIRE);
    uint32_t count = MIN_OF(put - taken, (uint32_t)size / FRAME_BYTES);

    for (uint32_t i = 0; i < count; i++) {
        memcpy(stream + i * FRAME_BYTES, d->ring + (taken + i) % RING * FRAME_BYTES, FRAME_BYTES);
    }
    memset(stream + count * FRAME_BYTES, 0, (size_t)size - count * FRAME_BYTES);
    __atomic_store_n(&d->taken, taken + count, __ATOMIC_RELEASE);
}

static bool sdl_open(struct audiodev *dev, struct keyval *kv, struct error **err)
{
    struct sdl_dev *d = (struct sdl_dev *)dev;
    SDL_AudioSpec want = {
        .freq = (int)dev->rate, .format = AUDIO_S16LSB, .channels = 2, .samples = BLOCK,
        .callback = take, .userdata = d,
    };

    keyval_string(kv, "out.buffer-length", NULL);    /* a hint */
    if (!load(err)) {
        return false;
    }
    if (sdl.InitSubSystem(SDL_INIT_AUDIO) != 0) {
        error_set(err, "-audiodev sdl: %s", sdl.GetError());
        return false;
    }
    d->handle = sdl.OpenAudioDevice(NULL, 0, &want, NULL, 0);
    if (!d->handle) {
        error_set(err, "-audiodev sdl: %s", sdl.GetError());
        return false;
    }
    /* Two ticks and two blocks: 60 ms. */
    d->fill = (uint32_t)MIN_OF(2 * BLOCK + 2 * dev->period_ns * dev->rate / NS_PER_SECOND,
                               (uint64_t)RING);
    return true;
}

static void sdl_close(struct audiodev *dev)
{
    sdl.CloseAudioDevice(((struct sdl_dev *)dev)->handle);
}

static void sdl_run(struct audiodev *dev, bool on)
{
    sdl.PauseAudioDevice(((struct sdl_dev *)dev)->handle, !on);
}

static size_t sdl_room(struct audiodev *dev)
{
    struct sdl_dev *d = (struct sdl_dev *)dev;
    uint32_t there = d->put - __atomic_load_n(&d->taken, __ATOMIC_ACQUIRE);

    return there < d->fill ? d->fill - there : 0;
}

static void sdl_write(struct audiodev *dev, const struct audio_frame *frames, size_t count)
{
    struct sdl_dev *d = (struct sdl_dev *)dev;

    for (size_t i = 0; i < count; i++) {
        audio_encode(16, 2, frames + i, 1, d->ring + (d->put + i) % RING * FRAME_BYTES);
    }
    __atomic_store_n(&d->put, d->put + (uint32_t)count, __ATOMIC_RELEASE);
}

const struct audio_backend audio_sdl = {
    .name = "sdl", .size = sizeof(struct sdl_dev), .open = sdl_open, .close = sdl_close,
    .run = sdl_run, .room = sdl_room, .write = sdl_write,
};

#else

static bool sdl_open(struct audiodev *dev, struct keyval *kv, struct error **err)
{
    error_set(err, "-audiodev sdl: this build has no SDL");
    return false;
}

const struct audio_backend audio_sdl = {
    .name = "sdl", .size = sizeof(struct audiodev), .open = sdl_open
};
#endif
