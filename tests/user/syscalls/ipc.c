/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System V and POSIX IPC, futexes, asynchronous I/O, terminals and filters on system calls. */
#include "check.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>

static void shared_memory(void)
{
    int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600);
    struct shmid_ds ds;
    char *p = shmat(id, NULL, 0);

    V(p != (void *)-1);
    strcpy(p, "shared");
    if (!fork()) {
        strcpy(p, "changed");
        _exit(0);
    }
    R(wait(NULL) > 0);
    S(p);
    R(shmctl(id, IPC_STAT, &ds));
    V(ds.shm_segsz);
    V(ds.shm_nattch);
    V(ds.shm_perm.mode);
    V(ds.shm_cpid == getpid());
    V(ds.shm_atime > 1000000000);
    ds.shm_perm.mode = 0640;
    R(shmctl(id, IPC_SET, &ds));
    R(shmctl(id, IPC_STAT, &ds));
    V(ds.shm_perm.mode);
    R(syscall(SYS_shmctl, id, IPC_STAT, BAD));
    R(shmdt(p));
    R(shmdt(p));
    R(shmctl(id, IPC_RMID, NULL));
    R(shmctl(id, IPC_RMID, NULL));
    V(shmat(id, NULL, 0) == (void *)-1);
    struct shminfo info;
    OK(shmctl(0, IPC_INFO, (void *)&info));
    V(info.shmmni);
}

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

static void semaphores(void)
{
    int id = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
    unsigned short values[3] = {1, 2, 3};
    struct sembuf ops[2] = {{0, -1, 0}, {1, 3, 0}};
    struct semid_ds ds;
    struct timespec t = {0, 1000000};

    R(semctl(id, 0, SETALL, (union semun){.array = values}));
    R(semop(id, ops, 2));
    R(semctl(id, 1, GETVAL));
    R(semctl(id, 2, SETVAL, (union semun){.val = 9}));
    R(semctl(id, 0, GETALL, (union semun){.array = values}));
    V(values[0]);
    V(values[1]);
    V(values[2]);
    V(semctl(id, 0, GETPID) == getpid());
    R(semtimedop(id, ops, 1, &t));
    ops[0].sem_flg = IPC_NOWAIT;
    R(semop(id, ops, 1));
    R(semop(id, ops, 10000));
    R(semop(id, BAD, 1));
    R(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}));
    V(ds.sem_nsems);
    V(ds.sem_otime > 1000000000);
    R(semctl(id, 0, GETALL, (union semun){.array = BAD}));
    R(semctl(id, 0, IPC_RMID));
    R(semget(0x7fff1234, 1, 0));
}

static void messages(void)
{
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    struct { long type; char text[20]; } m = {5, "message"};
    struct msqid_ds ds;

    R(msgsnd(id, &m, 8, 0));
    m.type = 6;
    R(msgsnd(id, &m, 3, 0));
    R(msgctl(id, IPC_STAT, &ds));
    V(ds.msg_qnum);
    V(ds.msg_cbytes);
    m.text[0] = 0;
    R(msgrcv(id, &m, 2, 5, 0));
    R(msgrcv(id, &m, 20, -5, 0));
    V(m.type);
    S(m.text);
    R(msgrcv(id, &m, 20, 9, IPC_NOWAIT));
    m.type = 0;
    R(msgsnd(id, &m, 3, 0));
    R(msgsnd(id, BAD, 3, 0));
    R(msgrcv(id, BAD, 20, 0, 0));
    R(msgctl(id, IPC_RMID, NULL));
    mqd_t q;
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 100};
    unsigned priority = 0;
    char buf[100];
    mq_unlink("/syscalls-test");
    q = mq_open("/syscalls-test", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &attr);
    OK(q);
    OK(mq_send(q, "posix", 6, 7));
    OK(mq_getattr(q, &attr));
    V(attr.mq_msgsize);
    V(attr.mq_curmsgs);
    OK(mq_receive(q, buf, sizeof(buf), &priority));
    V(priority);
    OK(mq_receive(q, buf, sizeof(buf), NULL));
    OK(mq_receive(q, buf, 5, NULL));
    OK(mq_unlink("/syscalls-test"));
    OK(mq_unlink("/syscalls-test"));
}

static void futexes(void)
{
    int word = 5, other = 0;
    struct timespec t = {0, 1000000};

    R(syscall(SYS_futex, &word, FUTEX_WAIT, 4, NULL, NULL, 0));
    R(syscall(SYS_futex, &word, FUTEX_WAIT, 5, &t, NULL, 0));
    R(syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0));
    R(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &t, NULL, -1));
    R(syscall(SYS_futex, &word, FUTEX_REQUEUE, 1, 1, &other, 0));
    R(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, &other, 6));
    R(syscall(SYS_futex, &word, FUTEX_WAKE_OP, 1, 1, &other, FUTEX_OP(FUTEX_OP_SET, 9, 0, 0)));
    V(other);
    R(syscall(SYS_futex, BAD, FUTEX_WAKE, 1, NULL, NULL, 0));
    R(syscall(SYS_futex, BAD, FUTEX_WAIT, 1, NULL, NULL, 0));
    R(syscall(SYS_futex, &word, 77, 1, NULL, NULL, 0));
    word = 0;
    R(syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    V(word == getpid());
    R(syscall(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    V(word);
}

static void asynchronous(void)
{
    aio_context_t context = 0;
    int fd = open("aio", O_RDWR | O_CREAT, 0600);
    char buf[16] = "";
    struct iocb cb = {.aio_data = 99, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = fd,
                      .aio_buf = (unsigned long)"written", .aio_nbytes = 7};
    struct iocb *list[1] = {&cb};
    struct io_event e[2];

    R(syscall(SYS_io_setup, 8, &context));
    R(syscall(SYS_io_submit, context, 1, list));
    R(syscall(SYS_io_getevents, context, 1, 2, e, NULL));
    V(e[0].data);
    V(e[0].res);
    V((unsigned long)e[0].obj == (unsigned long)&cb);
    R(pread(fd, buf, 16, 0));
    S(buf);
    list[0] = BAD;
    R(syscall(SYS_io_submit, context, 1, list));
    R(syscall(SYS_io_destroy, context));
    R(syscall(SYS_io_destroy, context));
}

static void terminals(void)
{
    struct termios t;
    struct winsize w = {24, 80, 0, 0};
    int m, s, v = -1;
    char name[100];

    R(openpty(&m, &s, name, NULL, &w));
    R(tcgetattr(s, &t));
    V(t.c_iflag);
    V(t.c_lflag);
    V(t.c_cc[VINTR]);
    cfmakeraw(&t);
    R(tcsetattr(s, TCSANOW, &t));
    R(tcgetattr(s, &t));
    V(t.c_lflag);
    memset(&w, 0, sizeof(w));
    R(ioctl(m, TIOCGWINSZ, &w));
    V(w.ws_col);
    w.ws_row = 50;
    R(ioctl(s, TIOCSWINSZ, &w));
    R(ioctl(m, TIOCGWINSZ, &w));
    V(w.ws_row);
    R(write(m, "typed", 5));
    R(poll(&(struct pollfd){s, POLLIN, 0}, 1, 1000));
    R(ioctl(s, FIONREAD, &v));
    V(v);
    R(ioctl(s, TCFLSH, TCIFLUSH));
    R(ioctl(s, FIONREAD, &v));
    V(v);
    OK(ioctl(m, TIOCGPTN, &v));
    R(ioctl(s, TIOCGPGRP, &v));
    R(isatty(s));
    R(ioctl(s, TCGETS, BAD));
    R(ioctl(s, 0x5fff, &v));
    R(ioctl(-1, TCGETS, &t));
    int fd = open("aio", O_RDWR);
    OK(ioctl(fd, _IOR('f', 1, long), &v));
    R(ioctl(fd, FIGETBSZ, &v));
    V(v);
}

static volatile int trapped, trap_code, trap_errno;

static void on_trap(int sig, siginfo_t *info, void *context)
{
    trapped = info->si_syscall == SYS_getpgrp;
    trap_code = info->si_code;
    trap_errno = info->si_errno;
}

static void filters(void)
{
    struct sigaction act = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    int status;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOWNERDEAD),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    unsigned action = SECCOMP_RET_ERRNO;

    R(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
    R(prctl(PR_GET_SECCOMP));
    R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    R(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, BAD));
    R(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    R(syscall(SYS_getppid));
    V(getpid() > 0);
    R(sigaction(SIGSYS, &act, NULL));
    code[1].k = SYS_getpgrp;
    code[2].k = SECCOMP_RET_TRAP | 77;
    R(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    syscall(SYS_getpgrp);
    V(trapped);
    V(trap_code);
    V(trap_errno);
    if (!fork()) {
        code[1].k = SYS_getuid;
        code[2].k = SECCOMP_RET_KILL_PROCESS;
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
        syscall(SYS_getuid);
        _exit(0);
    }
    R(wait(&status) > 0);
    V(status & 0x7f);
    code[0].k = 3;
    R(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

int main(void)
{
    enter();
    shared_memory();
    semaphores();
    messages();
    futexes();
    asynchronous();
    terminals();
    filters();
    leave();
    return 0;
}
