/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer target: the first byte chooses how the rest, an image, is opened and used. */
#include "tests/image/use.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A VMDK descriptor names files of the host, which are not for random writes. */
    if (size && !memmem(data, size, "# Disk", 6)) {
        use_image(data + 1, size - 1, data[0] & 2 ? "qcow2" : NULL,
                  data[0] & 1 ? NODE_READONLY : 0);
    }
    return 0;
}
