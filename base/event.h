/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events that management programs may want to hear of: named like QMP's. Big lock held. */
#ifndef BASE_EVENT_H
#define BASE_EVENT_H

#include "base/json.h"

/* Takes `data`, which may be NULL. */
void event_emit(const char *name, struct json *data);
/* Called for every event on the emitting thread; `data` may be NULL and stays the emitter's. */
void event_listen(void (*heard)(void *opaque, const char *name, const struct json *data),
                  void *opaque);
void event_unlisten(void *opaque);

#endif
