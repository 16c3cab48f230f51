/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process as its user sees it: signals that end it, -pidfile, -daemonize. */
#ifndef UI_PROCESS_H
#define UI_PROCESS_H

#include <stdbool.h>

#include "base/error.h"

/* SIGINT, SIGTERM and SIGHUP print who sent them and call `terminate` on the main thread, once. */
void process_catch_signals(void (*terminate)(void));
/* Written now, removed at exit. */
bool process_write_pidfile(const char *path, struct error **err);
/* The parent waits here until process_daemon_ready(), and exits with 1 if the child ends first. */
bool process_daemonize(struct error **err);
/* Leaves the terminal and tells the parent that all is well. */
void process_daemon_ready(void);

#endif
