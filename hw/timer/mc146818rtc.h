/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real-time clock and CMOS memory, class "mc146818rtc": ports 0x70 and 0x71, output 0 on IRQ 8
 * (connected by its init when it is on an ISA bus).
 */
#ifndef HW_TIMER_MC146818RTC_H
#define HW_TIMER_MC146818RTC_H

#include <stdint.h>

#include "base/error.h"
#include "hw/core/device.h"

/* The -rtc option: [base=utc|localtime|DATE][,clock=host|rt|vm][,driftfix=none|slew]. Applies to
 * clocks made afterwards. */
bool rtc_option(const char *text, struct error **err);

/* CMOS bytes, for the board's configuration data; they survive resets. */
void rtc_set_cmos(struct device *rtc, uint8_t index, uint8_t value);
uint8_t rtc_cmos(struct device *rtc, uint8_t index);

#endif
