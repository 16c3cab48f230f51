/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys that monitors press, and completion of their names. */
#ifndef MONITOR_KEYS_H
#define MONITOR_KEYS_H

#include "console.h"
#include "monitor/hmp.h"

#define KEYS_MAX 16
#define KEYS_HOLD_MS 100

/* Keys go down together, and up in reverse after the hold time; then the next ones' turn comes. */
void keys_press(const enum input_key *keys, unsigned count, int hold_ms);
void hmp_complete_keys(struct monitor *mon, struct readline *rl, const char *word);

#endif
