/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a machine goes to or comes from:
 *     tcp:HOST:PORT  unix:PATH  fd:N  exec:COMMAND  file:PATH[,offset=N]
 */
#ifndef MIGRATION_CHANNEL_H
#define MIGRATION_CHANNEL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct channel {
    int fd;
    bool answers;       /* a socket: the other side says when it has everything */
    bool listening;     /* `fd` waits for a connection, see channel_accept() */
    pid_t pid;          /* of exec:, or 0 */
    char *unlink;       /* the unix socket that is removed afterwards */
};

bool channel_open(struct channel *c, const char *uri, bool outgoing, struct error **err);
/* Takes the connection that is there, or fails. */
bool channel_accept(struct channel *c, struct error **err);
/* False, with the reason, when the command of exec: failed. */
bool channel_close(struct channel *c, struct error **err);

#endif
