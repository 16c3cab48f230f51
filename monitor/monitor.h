/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor: command lines on a character device. */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include <stdio.h>

#include "char.h"

/* Puts a monitor on the device. Attach it before the guest's own ports, so that these get the
 * keyboard of a multiplexer. */
bool monitor_add(struct chardev *chr, struct error **err);
/* Runs one line without a terminal; the text of the answer goes to `out`. */
void monitor_execute(const char *line, FILE *out);

/* The same with a CPU chosen. */
void monitor_execute_on(const char *line, int cpu_index, FILE *out);
/* QMP on the device: JSON commands for programs. */
bool qmp_add(struct chardev *chr, bool pretty, struct error **err);
/* -monitor, -qmp and -qmp-pretty with a classic text, "none" for none; -mon with its keys. */
bool monitor_open(const char *spec, struct error **err);
bool qmp_open(const char *spec, struct error **err);
bool qmp_open_pretty(const char *spec, struct error **err);
bool monitor_open_mon(const char *option, struct error **err);
/* What query-command-line-options tells: the program's table. */
struct option_row;
void qmp_set_options(const struct option_row *options);

#endif
