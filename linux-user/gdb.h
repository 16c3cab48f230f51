/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process under gdb. A thread of its own, which the guest does not know, talks to gdb; guest
 * threads stop between two regions of code and wait there. One that is inside of a system call
 * counts as stopped: it is asked to come out, and what its call does is seen later if it cannot.
 */
#ifndef LINUX_USER_GDB_H
#define LINUX_USER_GDB_H

#include "linux-user/user.h"

extern bool user_gdb_active;        /* gdb is, or was at some time, attached */

/* -g: a TCP port, or the path of a socket. Waits for gdb; the process then starts stopped. */
bool user_gdb_open(const char *where, struct error **err);
/* The connection of a process that has executed this one: what user_gdb_exec_begin() gave. */
bool user_gdb_inherit(const char *text, struct error **err);
/* The program is loaded, its first thread about to run. */
void user_gdb_start(struct task *t);

/* Reports what cpu->debug.stop says and waits while the thread is to stand still. */
void user_gdb_wait(struct task *t);
static inline void user_gdb_poll(struct task *t)
{
    if (__builtin_expect(t->debug.stop || t->cpu->debug.stop || t->debug.returned, 0)) {
        user_gdb_wait(t);
    }
}

/* user_syscall(); meanwhile the thread counts as stopped. */
int64_t user_gdb_syscall(struct task *t, int64_t num, int64_t args[6]);
/* A signal is about to be delivered: which one is, 0: none. */
int user_gdb_signal(struct task *t, int sig, const siginfo_t *info);
/* The process ends; comes back when gdb knows. */
void user_gdb_exit(struct task *t, bool signalled, int status);
/* In the host's handler: a signal that only makes the thread look at debug.stop. */
bool user_gdb_is_kick(int sig, const siginfo_t *info);
extern uint64_t user_gdb_kick_mask; /* the signal for it, which the host must always deliver */

/* The thread enters the list, with its lock held. */
void user_gdb_task_begins(struct task *t);
/* Between them gdb leaves the list of threads alone. */
void user_gdb_lock(struct task *t);
void user_gdb_unlock(void);
/* Around fork(): begin before other locks are taken, end after they are released. child: its
   process number, 0 in it, -errno none. */
void user_gdb_fork_begin(struct task *t);
void user_gdb_fork_end(struct task *t, int64_t child);
/* Around the life of a child that borrows this thread. */
void user_gdb_borrow_begin(struct task *t);
void user_gdb_borrow_end(struct task *t);
/* Around execve(): the option for the new emulator that takes the connection over, or NULL. */
const char *user_gdb_exec_begin(struct task *t);
void user_gdb_exec_end(struct task *t);

#endif
