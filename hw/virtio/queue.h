/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two layouts of queues share: split rings (queue.c) and packed ones (queue-packed.c). */
#ifndef HW_VIRTIO_QUEUE_H
#define HW_VIRTIO_QUEUE_H

#include "hw/virtio/virtio.h"

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_SIZE = 16 };

/* All of it in one piece of RAM, or NULL. */
uint8_t *virtq_find_whole(struct virtio *v, uint64_t address, uint64_t size, bool write,
                          uint64_t *ram);
/* One more buffer of a chain; false breaks the device. */
bool virtq_add_buffer(struct virtq *q, struct virtq_chain *c, uint64_t address, uint64_t size,
                      bool in);
/* The table that an indirect descriptor points at; NULL breaks the device. */
const uint8_t *virtq_find_table(struct virtq *q, uint64_t address, uint32_t size, uint16_t flags);
/* The data must be visible before we look who watches the page. */
void virtq_note_store(uint64_t ram, uint64_t size);

bool packed_find_rings(struct virtq *q);
/* Whether a request waits. */
bool packed_waiting(struct virtq *q);
/* Behind the last descriptor that the driver made available. */
uint16_t packed_available_end(struct virtq *q);
/* Takes the request that waits. */
bool packed_pop(struct virtq *q, struct virtq_chain *c);
void packed_publish(struct virtq *q, unsigned count);
bool packed_wants_interrupt(struct virtq *q);
void packed_want_notify(struct virtq *q, bool on);

#endif
