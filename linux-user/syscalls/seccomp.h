/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters that the guest put on its own system calls. */
#ifndef LINUX_USER_SECCOMP_H
#define LINUX_USER_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>

struct call;
struct task;

/* Whether there is any filter. */
extern bool seccomp_active;
/* Whether the filters keep this call from happening, and its result then. */
bool seccomp_refuses(struct task *t, int64_t num, const int64_t args[6], int64_t *result);
/* prctl(PR_SET_SECCOMP) and prctl(PR_GET_SECCOMP). */
int64_t seccomp_prctl(struct call *c);

#endif
