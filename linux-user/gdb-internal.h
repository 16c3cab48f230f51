/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between gdb.c, gdb-connection.c and gdb-link.c. All with gdb_state.lock held. */
#ifndef LINUX_USER_GDB_INTERNAL_H
#define LINUX_USER_GDB_INTERNAL_H

#include "base/error.h"
#include "gdbstub/gdbstub.h"
#include "linux-user/gdb.h"

enum happening_kind { HAPPENED_NOTHING, HAPPENED_STOP, HAPPENED_FORK, HAPPENED_EXEC, HAPPENED_CALL,
                      HAPPENED_RETURN };

/* What gdb is to be told once all threads have stopped. */
struct gdb_happening {
    enum happening_kind kind;
    struct task *task;
    int signal;                     /* gdb's number */
    uint32_t child, call;
};

struct gdb_state {
    pthread_mutex_t lock;
    pthread_cond_t settled;         /* a thread has stopped */
    pthread_cond_t go;              /* a thread may run */
    struct gdb *gdb;
    bool attached;
    bool stopping;                  /* all threads are to stop, new ones as well */
    bool has_token;                 /* the connection is this process's to use */
    struct gdb_happening happening;
    int socket, wake;               /* to gdb; an eventfd for the stub's thread */
    int link, link_other;           /* to the parent or child process that shares the connection */
    uint32_t link_pid;
    int memory;                     /* /proc/self/mem, 0: not open */
    pthread_t thread;
};

extern struct gdb_state gdb_state;

/* --- gdb.c --- */
void gdb_stop_begin(void);
void gdb_stop_wait(void);
void gdb_go(struct task *reported);
void gdb_release(void);
void gdb_kicks_init(void);

/* --- gdb-connection.c --- */
void gdb_connection_start(void);    /* the stub's thread */
void gdb_connection_exit(bool signalled, int status);
void gdb_connection_lost(void);
extern const struct gdb_ops gdb_process_ops;
struct task *gdb_task_of(struct cpu *cpu);

/* --- gdb-link.c --- */
void gdb_link_create(struct task *t);
/* Whether gdb wants to hear of the child. */
bool gdb_link_parent(int64_t child);
void gdb_link_child(struct task *t);
/* Passes the connection to the process at the other end with the packet that it is to answer. */
bool gdb_link_pass(const void *packet, size_t size);
/* The other end has something to say. */
void gdb_link_read(void);
void gdb_link_close(void);

#endif
