/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs started by descriptors that the exec closes, and what the new program finds open. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void show_start(int argc, char **argv)
{
    char exe[4096] = { 0 };
    int open_fds = 0;

    for (int fd = 3; fd < 100; fd++) {
        open_fds += fcntl(fd, F_GETFD) >= 0;
    }
    readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    printf("%s: %d arguments, %d open, name %s, exe %s\n", argv[0], argc, open_fds,
           (char *)getauxval(AT_EXECFN), strrchr(exe, '/'));
    exit(9);
}

/* path NULL: the descriptor itself; else a format that its number goes into, or a name below it. */
static void start(const char *what, int fd, const char *path)
{
    char name[64], *argv[] = { (char *)what, "started", "x", NULL };
    int status;

    snprintf(name, sizeof(name), path ? path : "", fd);
    if (fork() == 0) {
        if (name[0] == '/') {
            execve(name, argv, environ);
        } else {
            syscall(SYS_execveat, fd, name, argv, environ, name[0] ? 0 : AT_EMPTY_PATH);
        }
        printf("%s: %s\n", what, strerror(errno));
        _exit(1);
    }
    wait(&status);
    printf("%s: %d\n", what, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    close(fd);
}

static int memory_copy(const char *path)
{
    int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("copy", MFD_CLOEXEC);
    struct stat st;

    fstat(from, &st);
    sendfile(to, from, NULL, st.st_size);
    close(from);
    return to;
}

static int script(void)
{
    static const char text[] = "#!/bin/sh\necho script\n";
    int fd = memfd_create("script", MFD_CLOEXEC);

    write(fd, text, sizeof(text) - 1);
    return fd;
}

int main(int argc, char **argv)
{
    char *slash = strrchr(argv[0], '/');

    setvbuf(stdout, NULL, _IONBF, 0);
    for (int fd = 3; fd < 100; fd++) {
        if (argc < 2 || strcmp(argv[1], "started") != 0) {
            close(fd);
        }
    }
    if (argc > 1 && strcmp(argv[1], "started") == 0) {
        show_start(argc, argv);
    }
    start("link", open(argv[0], O_RDONLY | O_CLOEXEC), "/proc/self/fd/%d");
    start("device", open(argv[0], O_RDONLY | O_CLOEXEC), "/dev/fd/%d");
    start("empty", open(argv[0], O_RDONLY | O_CLOEXEC), NULL);
    start("kept", open(argv[0], O_RDONLY), NULL);
    start("path only", open(argv[0], O_PATH | O_CLOEXEC), NULL);
    start("memory", memory_copy(argv[0]), NULL);
    start("script", script(), NULL);
    *slash = 0;
    start("directory", open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC), slash + 1);
    *slash = '/';
    start("not there", 55, NULL);
    start("not a program", open("/etc/passwd", O_RDONLY | O_CLOEXEC), NULL);
    return 0;
}
