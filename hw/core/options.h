/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command line texts that describe a machine, as a machine_config. */
#ifndef HW_CORE_OPTIONS_H
#define HW_CORE_OPTIONS_H

#include "base/error.h"
#include "hw/core/machine.h"

void machine_config_init(struct machine_config *config);
/* -m, -smp, -boot, -rtc, -uuid, -vga. Texts must live as long as the config. */
bool machine_config_memory(struct machine_config *c, const char *text, struct error **err);
bool machine_config_smp(struct machine_config *c, const char *text, struct error **err);
bool machine_config_boot(struct machine_config *c, const char *text, struct error **err);
bool machine_config_rtc(struct machine_config *c, const char *text, struct error **err);
bool machine_config_uuid(struct machine_config *c, const char *text, struct error **err);
bool machine_config_vga(struct machine_config *c, const char *text, struct error **err);
/* -option-rom, -smbios */
bool machine_config_option_rom(struct machine_config *c, const char *text, struct error **err);
bool machine_config_smbios(struct machine_config *c, const char *text, struct error **err);

#endif
