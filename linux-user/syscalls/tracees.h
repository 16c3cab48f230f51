/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads that this process traces with ptrace; see linux-user/trace.h. */
#ifndef LINUX_USER_TRACEES_H
#define LINUX_USER_TRACEES_H

#include "linux-user/trace.h"

struct tracee {
    pid_t tid;
    bool ours;                      /* runs in this emulator; else the host's ptrace is all */
    bool seized;
    bool initial;                   /* attached by the kernel or by us, has not stopped yet */
    bool fresh;                     /* after an exec: the emulator begins anew */
    bool waits;                     /* stopped before we heard of whose child it is */
    uint32_t options;               /* PTRACE_O_* as the guest set them */
    uint64_t box;                   /* the host address of the box there, 0 not known */
    int status;                     /* of its stop, if `waits' */
    struct tracee *next;
};

/* A stop or an end that wait told of: false when the guest must not hear of it. */
bool tracees_wait(pid_t tid, int *status);
bool tracees_waitid(siginfo_t *info);
/* NULL: not one of ours. Valid for the calling thread, which is its tracer, until it ends. */
struct tracee *tracees_find(pid_t tid);
struct tracee *tracees_add(pid_t tid);
void tracees_remove(pid_t tid);
/* Whether there are any. */
bool tracees_any(void);

/* Its memory, by host addresses. */
bool tracee_read(const struct tracee *e, void *dest, uint64_t from, size_t len);
bool tracee_write(const struct tracee *e, uint64_t to, const void *src, size_t len);
/* Sends a ring, see trace.h. */
void tracee_ring(const struct tracee *e, int sig, unsigned status);
/* The same range of guest addresses has new contents. */
void tracee_note_write(const struct tracee *e, uint64_t addr, uint64_t len);

/* --- tracee-files.c -------------------------------------------------------------------------- */

/* Files below /proc that are others for the guest: a descriptor, or -ENOENT: the host's will do. */
int64_t tracee_open(const char *path, int flags);
/* What /proc/TID/exe of a traced thread leads to. */
bool tracee_exe(const char *path, char name[256]);

#endif
