/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The version, whose behaviour guests and scripts may rely on. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define QEMU_VERSION "7.2.0"

#endif
