/* SPDX-License-Identifier: GPL-2.0-or-later */
/* siginfo_t between host and guest: which of its unions counts follows from signal and code. */
#ifndef LINUX_USER_SIGINFO_H
#define LINUX_USER_SIGINFO_H

#include <signal.h>

#include "linux-user/user.h"

enum { SIGINFO_SIZE = 128 };

/* `guest`: SIGINFO_SIZE bytes. Pointers in `info` are the guest's addresses. */
void siginfo_to_guest(const struct user_abi *abi, char *guest, const siginfo_t *info);
void siginfo_to_host(const struct user_abi *abi, siginfo_t *info, const char *guest);
/* The same at a guest address: 0 or -EFAULT. */
int64_t siginfo_put(const struct user_abi *abi, uint64_t addr, const siginfo_t *info);
int64_t siginfo_get(const struct user_abi *abi, siginfo_t *info, uint64_t addr);

#endif
