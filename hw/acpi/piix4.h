/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PIIX4 (82371AB) function 3, class "PIIX4_PM": power management and the SMBus controller.
 *
 * Output 0 is SCI, output 1 pulses for an SMI. Properties: serial and parallel tell the firmware
 * which ports exist, smm-enabled whether SMIs can be had.
 */
#ifndef HW_ACPI_PIIX4_H
#define HW_ACPI_PIIX4_H

enum { PIIX4_SCI, PIIX4_SMI, PIIX4_OUTPUTS };

/* Fixed ports that the ACPI tables name. */
#define PIIX4_GPE_PORT 0xafe0
#define PIIX4_GPE_SIZE 4
#define PIIX4_SMI_PORT 0xb2
#define PIIX4_ACPI_ENABLE 0xf1
#define PIIX4_ACPI_DISABLE 0xf0
/* Where SeaBIOS puts PMBASE. */
#define PIIX4_PM_PORT 0x600

#endif
