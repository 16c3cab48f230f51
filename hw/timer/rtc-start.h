/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -rtc means for clocks that count seconds: which host clock they follow, and from where. */
#ifndef HW_TIMER_RTC_START_H
#define HW_TIMER_RTC_START_H

#include <stdint.h>

#include "base/clock.h"

enum clock rtc_start_clock(void);
/* Seconds to add to those of that clock, for the seconds since 1970 that the guest sees now. */
int64_t rtc_start_offset(void);

#endif
