/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A short run of a fuzzer without libFuzzer: bytes at random, the same in every run. */
#include <stdint.h>
#include <stdlib.h>

#include "tests/tap.h"

#define RUNS 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(void)
{
    static uint8_t data[1024];

    srandom(1);
    for (unsigned run = 0; run < RUNS; run++) {
        size_t size = 1 + (size_t)random() % sizeof(data);
        unsigned small = (unsigned)random() & 3;

        for (size_t i = 0; i < size; i++) {
            data[i] = (uint8_t)(random() >> 8 & ((unsigned)random() & 3 ? 0xff >> small : 0xff));
        }
        LLVMFuzzerTestOneInput(data, size);
    }
    ok(true, "%u runs with bytes at random", RUNS);
    return tap_done();
}
