/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtio disks, for boards. */
#ifndef HW_VIRTIO_BLK_H
#define HW_VIRTIO_BLK_H

#include "base/error.h"

/* A disk on the PCI bus for each `-drive if=virtio'. */
bool virtio_blk_create_drives(struct error **err);

#endif
