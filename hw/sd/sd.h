/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SD memory card, class "sd-card", for host controllers of any kind: commands with their replies,
 * and the data that follows them byte by byte. Property "drive". Outputs, when a card comes or
 * goes: 0 it is write protected, 1 it is there.
 */
#ifndef HW_SD_SD_H
#define HW_SD_SD_H

#include "hw/core/device.h"

/* Whether there is a card in the slot, and one that cannot be written. */
bool sd_present(struct device *card);
bool sd_protected(struct device *card);
/* Carries out a command; the reply has 4 or 16 bytes, most significant first. 0: none comes. */
unsigned sd_command(struct device *card, unsigned index, uint32_t argument, uint8_t *reply);
/* Whether the card has, or waits for, data. */
bool sd_data_ready(struct device *card);
uint8_t sd_read(struct device *card);
void sd_write(struct device *card, uint8_t byte);

#endif
