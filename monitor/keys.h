/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completion of key names, for the command table. */
#ifndef MONITOR_KEYS_H
#define MONITOR_KEYS_H

#include "monitor/hmp.h"

void hmp_complete_keys(struct monitor *mon, struct readline *rl, const char *word);

#endif
