/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wavcapture and its kin. */
#include <glib.h>

#include "audio.h"
#include "monitor/hmp.h"

/* "path [audiodev] [frequency [bits [channels]]]": the audiodev is not a number. */
void hmp_wavcapture(struct monitor *mon, struct hmp_args *args)
{
    static const char *const names[] = { "arg1", "arg2", "arg3", "arg4" };
    unsigned numbers[3] = { 0 }, count = 0;
    const char *dev = NULL;
    struct error *err = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(names) && hmp_given(args, names[i]); i++) {
        const char *text = hmp_text(args, names[i]);

        if (i == 0 && !g_ascii_isdigit(*text)) {
            dev = text;
        } else if (count < G_N_ELEMENTS(numbers)) {
            numbers[count++] = (unsigned)g_ascii_strtoull(text, NULL, 10);
        }
    }
    audio_capture_start(hmp_text(args, "path"), dev, numbers[0], numbers[1], numbers[2], &err);
    hmp_report(mon, err);
}

void hmp_stopcapture(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    audio_capture_stop((unsigned)hmp_number(args, "n"), &err);
    hmp_report(mon, err);
}

void hmp_info_capture(struct monitor *mon, struct hmp_args *args)
{
    audio_capture_print(mon->out);
}
