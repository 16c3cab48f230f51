/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/timer/rtc-start.h"

#include <time.h>

#include "hw/core/machine.h"

enum clock rtc_start_clock(void)
{
    const struct machine_config *config = machine_config();

    return config && !config->rtc_host_clock ? CLOCK_VM : CLOCK_WALL;
}

int64_t rtc_start_offset(void)
{
    const struct machine_config *config = machine_config();
    time_t now = time(NULL);
    struct tm local;

    if (config && config->rtc_base == MACHINE_RTC_DATE) {
        now = (time_t)config->rtc_start;
    } else if (config && config->rtc_base == MACHINE_RTC_LOCALTIME && localtime_r(&now, &local)) {
        now += local.tm_gmtoff;
    }
    return (int64_t)now - clock_ns(rtc_start_clock()) / NS_PER_SECOND;
}
