/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vectors of memory: sums, parts, and copies from and to flat memory. */
#include <string.h>

#include "base/bits.h"
#include "block/node.h"

uint64_t iov_size(const struct iovec *iov, unsigned count)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < count; i++) {
        total += iov[i].iov_len;
    }
    return total;
}

unsigned iov_slice(const struct iovec *iov, unsigned count, uint64_t skip, uint64_t size,
                   struct iovec *part)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count && size; i++) {
        size_t length = iov[i].iov_len;

        if (skip >= length) {
            skip -= length;
            continue;
        }
        part[n].iov_base = (char *)iov[i].iov_base + skip;
        part[n].iov_len = MIN_OF(length - skip, size);
        size -= part[n++].iov_len;
        skip = 0;
    }
    return n;
}

void iov_zero(const struct iovec *iov, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        memset(iov[i].iov_base, 0, iov[i].iov_len);
    }
}

void iov_fill(const struct iovec *iov, unsigned count, const void *data)
{
    for (unsigned i = 0; i < count; i++) {
        memcpy(iov[i].iov_base, data, iov[i].iov_len);
        data = (const char *)data + iov[i].iov_len;
    }
}

void iov_gather(const struct iovec *iov, unsigned count, void *data)
{
    for (unsigned i = 0; i < count; i++) {
        memcpy(data, iov[i].iov_base, iov[i].iov_len);
        data = (char *)data + iov[i].iov_len;
    }
}

bool block_is_zero(const void *data, size_t size)
{
    const uint8_t *p = data;
    size_t i = 0;

    for (; i < size && i < 16; i++) {
        if (p[i]) {
            return false;
        }
    }
    /* The first bytes are zero, and every byte equals the one 16 before it. */
    return size <= 16 || memcmp(p, p + 16, size - 16) == 0;
}
