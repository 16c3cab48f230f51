/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System V semaphores, messages and shared memory with their structures. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>

enum { NOW = 1000000 };             /* the clock is beyond */

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

static void semaphores(void)
{
    int id = semget(IPC_PRIVATE, 3, 0600 | IPC_CREAT), r;
    unsigned short values[3] = { 1, 2, 3 };
    struct sembuf op = { 2, -1, IPC_NOWAIT };
    struct timespec soon = { 0, 1000000 };
    struct semid_ds d;

    memset(&d, 0x55, sizeof(d));
    r = semctl(id, 0, IPC_STAT, (union semun){ .buf = &d });
    printf("%d: %lu of mode %o, %d %d\n", r, (long)d.sem_nsems, d.sem_perm.mode, d.sem_otime != 0,
           d.sem_ctime > NOW);
    printf("SETALL %d\n", semctl(id, 0, SETALL, (union semun){ .array = values }));
    memset(values, 0, sizeof(values));
    r = semctl(id, 0, GETALL, (union semun){ .array = values });
    printf("GETALL %d: %d %d %d\n", r, values[0], values[1], values[2]);
    r = semctl(id, 1, SETVAL, (union semun){ .val = 7 });
    printf("SETVAL %d: %d\n", r, semctl(id, 1, GETVAL));
    r = semop(id, &op, 1);
    op = (struct sembuf){ 2, -9, 0 };
    printf("semop %d, semtimedop %d\n", r, semtimedop(id, &op, 1, &soon));
    semctl(id, 0, IPC_STAT, (union semun){ .buf = &d });
    printf("used: %d\n", d.sem_otime > NOW);
    printf("IPC_RMID %d\n", semctl(id, 0, IPC_RMID));
}

static void messages(void)
{
    int id = msgget(IPC_PRIVATE, 0600 | IPC_CREAT), r;
    struct { long type; char text[8]; } m = { 5, "hello" };
    struct msqid_ds d;

    memset(&d, 0x55, sizeof(d));
    printf("msgsnd %d\n", msgsnd(id, &m, 6, 0));
    r = msgctl(id, IPC_STAT, &d);
    printf("%d: %lu of %lu bytes, room %lu, mode %o\n", r, d.msg_qnum, d.__msg_cbytes,
           d.msg_qbytes, d.msg_perm.mode);
    memset(&m, 0, sizeof(m));
    r = msgrcv(id, &m, 8, 0, 0);
    printf("msgrcv %d: %ld %s\n", r, m.type, m.text);
    d.msg_qbytes = 4096;
    r = msgctl(id, IPC_SET, &d);
    msgctl(id, IPC_STAT, &d);
    printf("IPC_SET %d: %lu, %d\n", r, d.msg_qbytes, d.msg_stime > NOW);
    msgctl(id, IPC_RMID, NULL);
}

static void memory(void)
{
    int id = shmget(IPC_PRIVATE, 5000, 0600 | IPC_CREAT), r;
    struct shmid_ds d;
    char *p;

    memset(&d, 0x55, sizeof(d));
    r = shmctl(id, IPC_STAT, &d);
    printf("%d: %d bytes, %lu users\n", r, (int)d.shm_segsz, d.shm_nattch);
    p = shmat(id, NULL, 0);
    strcpy(p, "x");
    shmctl(id, IPC_STAT, &d);
    printf("%lu users, %d\n", d.shm_nattch, d.shm_cpid > 0);
    shmdt(p);
    shmctl(id, IPC_RMID, NULL);
}

int main(void)
{
    semaphores();
    messages();
    memory();
    return 0;
}
