/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes: vfork shares memory, spawn reports errors, exec keeps what it must, floats after fork.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int wait_status(pid_t pid)
{
    int status;

    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int main(int argc, char **argv)
{
    char *words[] = { "sh", "-c", "exit 5", NULL }, buf[32] = { 0 };
    volatile int shared = 1;
    int fd[2], error;
    pid_t pid;

    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1 && strcmp(argv[1], "again") == 0) {
        printf("again %d %s %s\n", argc, argv[0], getenv("VAR"));
        return 3;
    }
    pid = vfork();
    if (pid == 0) {
        shared = 2;
        _exit(6);
    }
    printf("vfork: %d, shared %d\n", wait_status(pid), shared);
    error = posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environ);
    printf("spawn: %d, %d\n", error, wait_status(pid));
    printf("spawn of nothing: %s\n",
           strerror(posix_spawn(&pid, "/nonexistent", NULL, NULL, words, environ)));
    pipe(fd);
    if (fork() == 0) {
        dup2(fd[1], 1);
        execl("/proc/self/exe", "other name", "again", "x", NULL);
        _exit(1);
    }
    setenv("VAR", "value", 1);
    pid = fork();
    if (pid == 0) {
        execl(argv[0], "other name", "again", "x", NULL);
        _exit(1);
    }
    printf("exec: %d\n", wait_status(pid));
    wait(NULL);
    read(fd[0], buf, sizeof(buf) - 1);
    printf("pipe: %s", buf);
    printf("%d %s\n", execl("/etc/passwd", "passwd", NULL), strerror(errno));
    printf("%.17g %.17g\n", sin(0.5) * pow(2, 0.3), (double)(long double)(1.0L / 3));
    printf("page %ld, clock %ld, uid %d\n", (long)getauxval(AT_PAGESZ), (long)getauxval(AT_CLKTCK),
           (int)getauxval(AT_UID) == getuid());
    printf("random %d, name %d\n", getauxval(AT_RANDOM) != 0,
           strcmp((char *)getauxval(AT_EXECFN), argv[0]));
    printf("system: %d\n", WEXITSTATUS(system("exit 8")));
    return 7;
}
