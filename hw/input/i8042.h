/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keyboard controller, class "i8042", with a PS/2 keyboard and mouse behind it.
 *
 * It connects its interrupts to IRQ 1 and 12 by itself. The board connects A20 to input 0 of class
 * "port92", whose outputs are the same two lines for the CPU, and RESET to the machine's reset.
 */
#ifndef HW_INPUT_I8042_H
#define HW_INPUT_I8042_H

/* Outputs of "i8042" and of "port92". */
enum { I8042_IRQ_KEYBOARD, I8042_IRQ_MOUSE, I8042_A20, I8042_RESET, I8042_OUTPUTS };
enum { PORT92_A20, PORT92_RESET, PORT92_OUTPUTS };

#endif
