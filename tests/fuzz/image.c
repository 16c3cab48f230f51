/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: the first byte chooses how the rest, an image, is opened: read only or not, and
 * by which format (0: guessed; else the n-th).
 */
#include "tests/image/use.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *choose_format(unsigned n)
{
    const struct block_driver *driver = NULL;
    size_t at = 0;

    for (unsigned i = 0; i < n; i++) {
        driver = block_next_format(&at);
        if (!driver) {
            return NULL;
        }
    }
    return driver ? driver->name : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A VMDK descriptor names files of the host, which are not for random writes. */
    if (size && !memmem(data, size, "# Disk", 6)) {
        use_image(data + 1, size - 1, choose_format(data[0] >> 1),
                  NODE_NO_IO | (data[0] & 1 ? NODE_READONLY : 0));
    }
    return 0;
}
