/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting programs: from the command line, and as execve() of a running one, which replaces the
 * emulator by another that is given the same options.
 */
#include "linux-user/exec.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "linux-user/gdb.h"
#include "linux-user/host.h"
#include "linux-user/internal.h"
#include "linux-user/trace.h"

enum { SCRIPT_HEAD = 256, SCRIPT_DEPTH = 5, MAX_OPTIONS = 64 };

const char *user_path(const char *path, char *buf)
{
    struct stat st;
    size_t len;

    if (!user_options.sysroot || path[0] != '/') {
        return path;
    }
    len = strlen(user_options.sysroot);
    while (len > 1 && user_options.sysroot[len - 1] == '/') {
        len--;
    }
    if (len + strlen(path) >= PATH_MAX) {
        return path;
    }
    memcpy(buf, user_options.sysroot, len);
    strcpy(buf + len, path);
    return lstat(buf, &st) == 0 ? buf : path;
}

/* --- scripts --------------------------------------------------------------------------------- */

/* Interpreter and its one argument (or NULL) of a `#!' line; false when it is none. */
static bool parse_script(char *head, char **interpreter, char **arg)
{
    char *p = head + 2, *end;

    if (head[0] != '#' || head[1] != '!') {
        return false;
    }
    end = strchr(p, '\n');
    if (end) {
        *end = 0;
    }
    p += strspn(p, " \t");
    end = p + strlen(p);
    while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
        *--end = 0;
    }
    *interpreter = p;
    p += strcspn(p, " \t");
    if (*p) {
        *p++ = 0;
        p += strspn(p, " \t");
    }
    *arg = *p ? p : NULL;
    return **interpreter != 0;
}

/* interpreter [arg] script args-but-the-first */
static void script_arguments(struct exec_request *r, char *interpreter, char *arg, char *script)
{
    char **argv = calloc(r->argc + 3, sizeof(*argv));
    int n = 0;

    argv[n++] = interpreter;
    if (arg) {
        argv[n++] = arg;
    }
    argv[n++] = script;
    for (int i = 1; i < r->argc; i++) {
        argv[n++] = r->argv[i];
    }
    r->argv = argv;
    r->argc = n;
}

/* The cause and the remedy; what a shell would exit with. */
static int open_failed(const char *path, struct error **err)
{
    bool missing = errno == ENOENT || errno == ENOTDIR;
    const char *why = strerror(errno);

    if (missing && !strchr(path, '/')) {
        error_set(err, "cannot run '%s': %s; give the program's path, as PATH is not searched",
                  path, why);
    } else if (missing && user_options.sysroot && path[0] == '/') {
        error_set(err, "cannot run '%s': %s, nor is it below '%s'; check the path and -L", path,
                  why, user_options.sysroot);
    } else if (missing) {
        error_set(err, "cannot run '%s': %s; check the path", path, why);
    } else {
        error_set(err, "cannot run '%s': %s; this user must be able to read it", path, why);
    }
    return missing ? 127 : 126;
}

static bool is_executable(int fd, const char *path, struct error **err)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        error_set(err, "cannot run '%s': it is not a file; give the path of a program", path);
        return false;
    }
    if (!(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH))) {
        error_set(err, "cannot run '%s': it is not executable; see 'chmod +x'", path);
        return false;
    }
    return true;
}

/* What /proc/self/exe would lead to. */
static char *name_of(int fd, const char *path)
{
    char link[32], name[PATH_MAX], *real;
    ssize_t len;

    sprintf(link, "/proc/self/fd/%d", fd);
    len = readlink(link, name, sizeof(name) - 1);
    if (len > 0) {
        name[len] = 0;
        return strdup(name);
    }
    real = realpath(path, NULL);
    return real ? real : strdup(path);
}

/* The descriptor that an exec hands over counts once; scripts' interpreters are opened by name. */
static int open_program(const char *path, struct exec_request *r)
{
    char buf[PATH_MAX];
    int fd = user_options.exec_fd;

    user_options.exec_fd = -1;
    if (fd >= 0) {
        r->path = strdup(path);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        return fd;
    }
    r->path = strdup(user_path(path, buf));
    return open(r->path, O_RDONLY | O_CLOEXEC);
}

int exec_open(const char *path, int argc, char **argv, struct exec_request *r, struct error **err)
{
    char head[SCRIPT_HEAD + 1], *interpreter, *arg;
    ssize_t len;

    r->argv = argv;
    r->argc = argc;
    if (user_options.argv0) {
        r->argv[0] = (char *)user_options.argv0;
    }
    for (unsigned depth = 0; depth < SCRIPT_DEPTH; depth++) {
        r->fd = open_program(path, r);
        if (r->fd < 0) {
            int status = open_failed(path, err);

            if (depth > 0) {
                error_prepend(err, "the script's interpreter: ");
            }
            return status;
        }
        if (!is_executable(r->fd, path, err)) {
            return 126;
        }
        len = pread(r->fd, head, SCRIPT_HEAD, 0);
        head[len < 0 ? 0 : len] = 0;
        if (!parse_script(head, &interpreter, &arg)) {
            user_image.path = name_of(r->fd, r->path);
            return 0;
        }
        close(r->fd);
        interpreter = strdup(interpreter);
        script_arguments(r, interpreter, arg ? strdup(arg) : NULL, (char *)path);
        path = interpreter;
    }
    error_set(err, "cannot run '%s': scripts that run scripts, more than %d deep", path,
              SCRIPT_DEPTH);
    return 126;
}

/* --- execve ---------------------------------------------------------------------------------- */

enum kind { KIND_NATIVE, KIND_GUEST, KIND_SCRIPT };

/* Close-on-exec; -1: none. Descriptors that were opened with O_PATH cannot be read themselves. */
static int open_at(int dirfd, const char *path, int flags)
{
    int nofollow = flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0;
    char link[32];

    if (*path || !(flags & AT_EMPTY_PATH)) {
        return openat(dirfd, path, O_RDONLY | O_CLOEXEC | nofollow);
    }
    sprintf(link, "/proc/self/fd/%d", dirfd);
    return open(link, O_RDONLY | O_CLOEXEC);
}

/* By the file's first bytes. What cannot be read is left to the kernel's own judgement. */
static enum kind kind_of(int fd, char *head)
{
    const Elf32_Ehdr *h = (const void *)head;
    ssize_t len;

    if (fd < 0) {
        return KIND_NATIVE;
    }
    len = pread(fd, head, SCRIPT_HEAD, 0);
    head[len < 0 ? 0 : len] = 0;
    if (len > 2 && head[0] == '#' && head[1] == '!') {
        return KIND_SCRIPT;
    }
    if (len < (ssize_t)sizeof(*h) || memcmp(head, ELFMAG, SELFMAG) != 0 ||
        head[EI_CLASS] != user_arch_elf.elf_class || head[EI_DATA] != user_arch_elf.data ||
        (h->e_machine != user_arch_elf.machine && h->e_machine != user_arch_elf.machine2)) {
        return KIND_NATIVE;
    }
    return KIND_GUEST;
}

struct vector {
    char *items[MAX_OPTIONS];
    unsigned n;
};

static void add(struct vector *v, const char *item)
{
    if (v->n < MAX_OPTIONS) {
        v->items[v->n++] = (char *)item;
    }
}

static void add_option(struct vector *v, const char *name, const char *value)
{
    if (value) {
        add(v, name);
        add(v, value);
    }
}

static void add_number(struct vector *v, const char *name, uint64_t value, char *buf)
{
    if (value) {
        sprintf(buf, "%llu", (unsigned long long)value);
        add_option(v, name, buf);
    }
}

/* Variables that would steer the emulator's own dynamic linker are given as options instead. */
static bool is_linker_variable(const char *variable)
{
    return strncmp(variable, "LD_", 3) == 0;
}

static char **plain_environment(char **envp, struct vector *v)
{
    unsigned n = 0;
    char **copy;

    while (envp[n]) {
        n++;
    }
    copy = calloc(n + 1, sizeof(*copy));
    n = 0;
    for (; copy && *envp; envp++) {
        if (is_linker_variable(*envp) && strchr(*envp, '=')) {
            add_option(v, "-E", *envp);
        } else {
            copy[n++] = *envp;
        }
    }
    return copy;
}

/* The program goes along as fd, as its name may mean nothing after the exec. */
static int64_t exec_emulator(struct task *t, int fd, const char *path, char **argv, char **envp)
{
    char stack[24], reserved[24], base[24], program[16], trace[8], **all, **clean;
    struct vector v = { .n = 0 };
    unsigned argc = 0;
    int64_t result;

    add(&v, error_program());
    add_option(&v, "-L", user_options.sysroot);
    add_option(&v, "-cpu", user_options.cpu_model);
    add_option(&v, "-r", user_options.uname_release);
    add_number(&v, "-s", user_options.stack_size, stack);
    add_number(&v, "-R", user_options.reserved, reserved);
    add_number(&v, "-B", user_options.base, base);
    if (user_options.strace) {
        add(&v, "-strace");
    }
    add_option(&v, "-gdbfd", user_gdb_exec_begin(t));
    sprintf(program, "%d", fd);
    add_option(&v, "-execfd", program);
    add_option(&v, "-exectrace", trace_exec_state(t, trace));
    clean = plain_environment(envp, &v);
    while (argv[argc]) {
        argc++;
    }
    add_option(&v, "-0", argc ? argv[0] : "");
    add(&v, "--");
    add(&v, path);
    all = calloc(v.n + argc + 1, sizeof(*all));
    if (!all || !clean) {
        free(all);
        free(clean);
        return -ENOMEM;
    }
    memcpy(all, v.items, v.n * sizeof(*all));
    if (argc > 1) {
        memcpy(all + v.n, argv + 1, (argc - 1) * sizeof(*all));
    }
    fcntl(fd, F_SETFD, 0);
    result = host_syscall(SYS_execve, "/proc/self/exe", all, clean);
    if (result < 0 && user_emulator_path) {
        result = host_syscall(SYS_execve, user_emulator_path, all, clean);
    }
    user_gdb_exec_end(t);
    free(all);
    free(clean);
    return result;
}

static int64_t exec_native(int dirfd, const char *path, char **argv, char **envp, int flags)
{
    return host_syscall(SYS_execveat, (int64_t)dirfd, path, argv, envp, (int64_t)flags);
}

static bool interpreter_is_native(const char *interpreter)
{
    char head[SCRIPT_HEAD + 1] __attribute__((aligned(8))), buf[PATH_MAX];
    int fd = open_at(AT_FDCWD, user_path(interpreter, buf), 0);
    bool native = kind_of(fd, head) == KIND_NATIVE;

    if (fd >= 0) {
        close(fd);
    }
    return native;
}

static int64_t exec_file(struct task *t, int fd, int dirfd, const char *path, char **argv,
                         char **envp, int flags)
{
    char head[SCRIPT_HEAD + 1] __attribute__((aligned(8))), name[PATH_MAX], *interpreter, *arg;
    bool by_dir = dirfd != AT_FDCWD && path[0] != '/';
    enum kind kind = kind_of(fd, head);
    int64_t result;

    /* The kernel says best what is wrong with a file that cannot be executed. */
    if (kind == KIND_NATIVE || faccessat(dirfd, path, X_OK, flags & AT_EMPTY_PATH) < 0) {
        return exec_native(dirfd, path, argv, envp, flags);
    }
    if (kind == KIND_SCRIPT) {
        if (by_dir && fcntl(dirfd, F_GETFD) & FD_CLOEXEC) {
            return -ENOENT;             /* its interpreter could not find it */
        }
        if (parse_script(head, &interpreter, &arg) && interpreter_is_native(interpreter)) {
            return exec_native(dirfd, path, argv, envp, flags);
        }
    }
    if (by_dir) {
        snprintf(name, sizeof(name), "/dev/fd/%d%s%s", dirfd, *path ? "/" : "", path);
    }
    result = exec_emulator(t, fd, by_dir ? name : path, argv, envp);
    /* An emulator that lies outside of a chroot without /proc: the kernel may know another way. */
    return result == -ENOENT ? exec_native(dirfd, path, argv, envp, flags) : result;
}

static int64_t exec_path(struct task *t, int dirfd, const char *path, char **argv, char **envp,
                         int flags)
{
    int fd = open_at(dirfd, path, flags);
    int64_t result = exec_file(t, fd, dirfd, path, argv, envp, flags);

    if (fd >= 0) {
        close(fd);
    }
    return result;
}

int64_t user_execve(struct task *t, int dirfd, const char *path, char **argv, char **envp,
                    int flags)
{
    static char *empty[] = { NULL };
    int64_t result;

    user_signal_exec(t);
    result = exec_path(t, dirfd, path, argv ? argv : empty, envp ? envp : empty, flags);
    user_signal_unblock(t);
    return result;
}
