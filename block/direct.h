/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files past the host's page cache (cache=none): requests that do not fit the disk's blocks. */
#ifndef BLOCK_DIRECT_H
#define BLOCK_DIRECT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct direct {
    bool on;
    uint32_t block, memory;     /* what offsets and sizes, and addresses, are multiples of */
    /* Held for reading while whole blocks change, for writing while parts of them do. */
    pthread_rwlock_t whole;
};

/* Turns the page cache off for a file, if its file system can. */
void direct_open(struct direct *d, int fd);
void direct_close(struct direct *d);
/* Whether the request may go to the kernel as it is. */
bool direct_fits(const struct direct *d, uint64_t offset, const struct iovec *iov, unsigned count);
/* What does not fit. Bytes past the file's end read as zeroes. 0 or -errno. */
int direct_read(struct direct *d, int fd, uint64_t offset, const struct iovec *iov, unsigned count);
int direct_write(struct direct *d, int fd, uint64_t offset, const struct iovec *iov,
                 unsigned count);
/* Around other changes, of whole blocks or not. */
void direct_begin(struct direct *d);
void direct_end(struct direct *d);

#endif
