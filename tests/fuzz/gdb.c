/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer target: lines are packets, which get their sums; lines that begin with 0xff are raw. */
#include "tests/gdb/fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gdb *g = fake_create();

    while (size) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t line = end ? (size_t)(end - data) : size;

        fake_out_size = 0;
        if (line && data[0] == 0xff) {
            gdb_input(g, data + 1, line - 1);
        } else {
            fake_packet(g, data, line);
        }
        if (gdb_is_waiting(g)) {
            gdb_report_stop(g, &fake_cpus[line % FAKE_THREADS], GDB_SIGNAL_TRAP);
        }
        line += end != NULL;
        data += line;
        size -= line;
    }
    gdb_free(g);
    cpu_debug_remove_all();
    cpu_debug_apply();
    return 0;
}
