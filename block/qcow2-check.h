/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For parts of qcow2 that tell the checker what they refer to. */
#ifndef BLOCK_QCOW2_CHECK_H
#define BLOCK_QCOW2_CHECK_H

#include <stdint.h>

struct qcow2_checker;

/* Counts one reference to each cluster of the file's bytes [offset, offset + size). */
void qcow2_check_refer(struct qcow2_checker *c, uint64_t offset, uint64_t size);

#endif
