/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8254 interval timer, class "isa-pit" (property iobase, 0x40).
 *
 * Output 0 is the output of channel 0, for IRQ 0. Input 0 high takes it away (the HPET's legacy
 * mode). Class "isa-pcspk" is port 0x61, which finds the timer by its class; make the timer first.
 */
#ifndef HW_TIMER_I8254_H
#define HW_TIMER_I8254_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/core/device.h"

#define PIT_HZ 1193182

struct pit_channel_info {
    uint8_t mode;
    uint32_t count;      /* the reload value, 1 to 65536; 0 while the guest has not given one */
    bool gate, out;
};

void pit_set_gate(struct device *pit, unsigned channel, bool gate);
void pit_channel_info(struct device *pit, unsigned channel, struct pit_channel_info *info);

#endif
