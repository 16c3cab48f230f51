/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -audiodev, and the audio device that is there without it. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "audio/audio-internal.h"
#include "base/json.h"
#include "base/option.h"

static void print_help(void)
{
    printf("Available audio drivers:\nnone\nsdl\nwav\n");
}

bool audio_option(void *opaque, const struct option_row *row, const char *text, struct error **err)
{
    struct keyval *kv;

    if (!text || strcmp(text, "help") == 0 || strcmp(text, "?") == 0) {
        print_help();
        exit(0);
    }
    kv = *text == '{' ? json_parse_keys("-audiodev", text, strlen(text), err)
                      : keyval_parse("-audiodev", text, "driver", err);
    return kv && audio_create(kv, err);
}

static bool has_desktop(void)
{
    static const char *const signs[] = { "DISPLAY", "WAYLAND_DISPLAY", "PULSE_SERVER",
                                         "SDL_AUDIODRIVER" };

    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
        if (getenv(signs[i])) {
            return true;
        }
    }
    return false;
}

/* The classic variables choose; else the desktop's sound where there is one. */
static struct keyval *default_keys(const char *driver)
{
    struct keyval *kv = keyval_create("-audiodev");

    keyval_set(kv, "driver", driver);
    keyval_set(kv, "id", "default-audio");
    if (strcmp(driver, "wav") == 0) {
        keyval_set(kv, "path", getenv("QEMU_WAV_PATH") ? getenv("QEMU_WAV_PATH") : "qemu.wav");
        if (getenv("QEMU_WAV_FREQUENCY")) {
            keyval_set(kv, "out.frequency", getenv("QEMU_WAV_FREQUENCY"));
        }
    }
    return kv;
}

struct audiodev *audio_default(void)
{
    const char *driver = getenv("QEMU_AUDIO_DRV");
    struct error *err = NULL;

    if (audio_devs) {
        return audio_devs;
    }
    if (!audio_create(default_keys(driver ? driver : has_desktop() ? "sdl" : "none"), &err)) {
        if (driver) {
            error_warn("QEMU_AUDIO_DRV: %s; there is no sound", error_text(err));
        }
        error_free(err);
        audio_create(default_keys("none"), NULL);
    }
    return audio_devs;
}
