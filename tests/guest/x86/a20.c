/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The A20 gate by port 0x92 and by the keyboard controller; the code runs below 1 MiB. */
#include "suite.h"

/*
 * With the gate closed, 0x300000 is 0x200000; ebx and esi point there, the results are in cl, ch.
 */
#define LOOK "movb (%ebx), %cl; movb (%esi), %ch; movb $0x77, 0x100(%ebx);"
CODE(by_port92, "inb $0x92, %al; and $0xfc, %al; out %al, $0x92; inb $0x92, %al;"
                "mov %eax, %edx;" LOOK
                "mov %edx, %eax; or $2, %al; out %al, $0x92");
#define WAIT "9: inb $0x64, %al; testb $2, %al; jnz 9b;"
#define SEND(value, port) WAIT "movb $" #value ", %al; out %al, $" #port ";"
CODE(by_output_port, SEND(0xd1, 0x64) SEND(0xdd, 0x60) WAIT LOOK
                     SEND(0xd1, 0x64) SEND(0xdf, 0x60) WAIT);
CODE(by_command, SEND(0xdd, 0x64) WAIT LOOK SEND(0xdf, 0x64) WAIT);
CODE(open_gate, LOOK);

static void look(const char *title, const uint8_t *code, uint32_t length, bool closed)
{
    uint8_t *even = (uint8_t *)0x200000, *odd = (uint8_t *)0x300000;

    *even = 0x11;
    *odd = 0x22;
    even[0x100] = odd[0x100] = 0;
    memcpy((void *)0x8000, code, length);
    in.ebx = (uint32_t)odd;
    in.esi = (uint32_t)even;
    run(RING0, 0, (void *)0x8000);
    bool good = (seen.ecx & 0xff) == (closed ? 0x11 : 0x22) && (seen.ecx >> 8 & 0xff) == 0x11;
    ok(seen.vector == DONE && good, "%s: loads", title);
    ok(closed ? even[0x100] == 0x77 && odd[0x100] == 0 : even[0x100] == 0 && odd[0x100] == 0x77,
       "%s: stores", title);
    ok(*even == 0x11 && *odd == 0x22, "%s: open afterwards", title);
}

void test_a20(void)
{
    start_group("a20");
    look("open", open_gate, open_gate_end - open_gate, false);
    look("port 0x92", by_port92, by_port92_end - by_port92, true);
    ok(!(seen.edx & 2), "port 0x92 reads back closed");
    ok(inb(0x92) & 2, "port 0x92 reads back open");
    look("controller's output port", by_output_port, by_output_port_end - by_output_port, true);
    look("controller's command", by_command, by_command_end - by_command, true);
}
