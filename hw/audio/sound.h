/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sound cards for the command line. */
#ifndef HW_AUDIO_SOUND_H
#define HW_AUDIO_SOUND_H

#include <stdbool.h>

#include "base/error.h"

struct option_row;

/* `-soundhw sb16,ac97', `all'; `help' ends the program. */
bool sound_option(void *opaque, const struct option_row *row, const char *text, struct error **err);

bool sound_audio_option(void *opaque, const struct option_row *row, const char *text,
                        struct error **err);

#endif
