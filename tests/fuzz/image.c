/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: the first byte chooses how the rest, an image, is opened: read only or not, and
 * by which format (0: guessed; else the n-th). IMAGE_FUZZ_FORMAT=NAME: always by that one.
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
    const char *always = getenv("IMAGE_FUZZ_FORMAT");
    bool readonly = size && data[0] & 1;

    /* A VMDK descriptor names files of the host, which are not for random writes. */
    if (size && (readonly || !memmem(data, size, "# Disk", 6))) {
        use_image(data + 1, size - 1, always ? always : choose_format(data[0] >> 1),
                  NODE_NO_IO | (readonly ? NODE_READONLY : 0));
    }
    return 0;
}
