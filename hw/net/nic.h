/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What network cards share: names, boot ROMs, address filters, check sequences. */
#ifndef HW_NET_NIC_H
#define HW_NET_NIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/pci/pci.h"
#include "net.h"

#define ETHERNET_MIN 60      /* without the check sequence */
#define ETHERNET_MAX 1514

/* The cards that -net nic and -nic ask for; `model` is the board's own. */
bool nic_create_requested(const char *model, bool has_pci, struct error **err);
/* For a chip on the board: the first card that was asked for with this model or none is it. The
 * device has its properties but is not realized. */
struct device *nic_create_onboard(const char *model, struct error **err);

/* The network boot ROM, unless romfile= names another one. It may not be installed. */
bool nic_add_rom(struct pci_device *pci, const char *file, struct error **err);

/* The check sequence of a frame, as stored little endian behind it. */
uint32_t ethernet_crc(const uint8_t *data, size_t size);
/* Of an address, most significant bit first: the top bits index multicast hash filters. */
uint32_t ethernet_hash(const uint8_t *mac);
bool ethernet_is_broadcast(const uint8_t *mac);

#endif
