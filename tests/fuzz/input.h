/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of a fuzzer as a list of actions on devices; when they are used up all is zero. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include "base/bits.h"
#include "tests/hw/bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

/* A number of `size` bytes, lowest first. */
static inline uint32_t fuzz_take(struct fuzz_input *in, unsigned size)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < size && in->left; i++, in->left--) {
        value |= (uint32_t)*in->at++ << 8 * i;
    }
    return value;
}

/* Whatever a guest did: the state loads again and is the same. */
static inline void fuzz_check_state(void)
{
    struct state_writer first = { 0 }, second = { 0 };
    struct state_reader reader;
    struct error *err = NULL;

    device_save_all(&first);
    reader = (struct state_reader){ first.data, first.size, 0 };
    if (!device_load_all(&reader, &err)) {
        fprintf(stderr, "%s\n", error_text(err));
        abort();
    }
    device_save_all(&second);
    if (first.size != second.size || memcmp(first.data, second.data, first.size) != 0) {
        abort();
    }
    state_writer_free(&first);
    state_writer_free(&second);
}

#endif
