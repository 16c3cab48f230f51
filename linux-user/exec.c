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
#include "linux-user/host.h"
#include "linux-user/internal.h"

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

/* --- scripts ---------------------------------------------------------------------------------- */

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

static int open_failed(const char *path, struct error **err)
{
    int status = errno == ENOENT || errno == ENOTDIR ? 127 : 126;

    error_set_errno(err, errno, "cannot run '%s'", path);
    return status;
}

/* A copy, in the form that the kernel would name in /proc/self/exe. */
static char *absolute(const char *path)
{
    char *real = realpath(path, NULL);

    return real ? real : strdup(path);
}

int exec_open(const char *path, int argc, char **argv, struct exec_request *r, struct error **err)
{
    char head[SCRIPT_HEAD + 1], buf[PATH_MAX], *interpreter, *arg;
    struct stat st;
    ssize_t len;

    r->argv = argv;
    r->argc = argc;
    if (user_options.argv0) {
        r->argv[0] = (char *)user_options.argv0;
    }
    for (unsigned depth = 0; depth < SCRIPT_DEPTH; depth++) {
        r->path = strdup(user_path(path, buf));
        r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
        if (r->fd < 0) {
            return open_failed(path, err);
        }
        if (fstat(r->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
            error_set(err, "cannot run '%s': it is not a file", path);
            return 126;
        }
        len = pread(r->fd, head, SCRIPT_HEAD, 0);
        head[len < 0 ? 0 : len] = 0;
        if (!parse_script(head, &interpreter, &arg)) {
            user_image.path = absolute(r->path);
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

/* --- execve ----------------------------------------------------------------------------------- */

enum kind { KIND_NATIVE, KIND_GUEST, KIND_SCRIPT };

/* By the file's first bytes. What cannot be read is left to the kernel's own judgement. */
static enum kind kind_of(int dirfd, const char *path, int flags, char *head)
{
    const Elf32_Ehdr *h = (const void *)head;
    int fd = *path || !(flags & AT_EMPTY_PATH) ? openat(dirfd, path, O_RDONLY | O_CLOEXEC)
                                              : dup(dirfd);
    ssize_t len;

    if (fd < 0) {
        return KIND_NATIVE;
    }
    len = pread(fd, head, SCRIPT_HEAD, 0);
    close(fd);
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

static int64_t exec_emulator(const char *path, char **argv, char **envp)
{
    char stack[24], reserved[24], base[24], **all, **clean;
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
    result = host_syscall(SYS_execve, "/proc/self/exe", all, clean);
    if (result < 0 && user_emulator_path) {
        result = host_syscall(SYS_execve, user_emulator_path, all, clean);
    }
    free(all);
    free(clean);
    return result;
}

static int64_t exec_native(int dirfd, const char *path, char **argv, char **envp, int flags)
{
    return host_syscall(SYS_execveat, (int64_t)dirfd, path, argv, envp, (int64_t)flags);
}

static int64_t exec_kind(int dirfd, const char *path, char **argv, char **envp, int flags)
{
    char head[SCRIPT_HEAD + 1] __attribute__((aligned(8))), name[PATH_MAX], *interpreter, *arg;
    enum kind kind = kind_of(dirfd, path, flags, head);

    /* The kernel says best what is wrong with a file that cannot be executed. */
    if (kind == KIND_NATIVE || faccessat(dirfd, path, X_OK, flags & AT_EMPTY_PATH) < 0) {
        return exec_native(dirfd, path, argv, envp, flags);
    }
    if (kind == KIND_SCRIPT && parse_script(head, &interpreter, &arg)) {
        char ihead[SCRIPT_HEAD + 1] __attribute__((aligned(8))), buf[PATH_MAX];

        if (kind_of(AT_FDCWD, user_path(interpreter, buf), 0, ihead) == KIND_NATIVE) {
            return exec_native(dirfd, path, argv, envp, flags);
        }
    }
    if (dirfd != AT_FDCWD && path[0] != '/') {
        snprintf(name, sizeof(name), "/proc/self/fd/%d%s%s", dirfd, *path ? "/" : "", path);
        path = name;
    }
    return exec_emulator(path, argv, envp);
}

int64_t user_execve(struct task *t, int dirfd, const char *path, char **argv, char **envp,
                    int flags)
{
    static char *empty[] = { NULL };
    int64_t result;

    user_signal_exec(t);
    result = exec_kind(dirfd, path, argv ? argv : empty, envp ? envp : empty, flags);
    user_signal_unblock(t);
    return result;
}
