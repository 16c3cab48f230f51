/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-<arch>: the command line, and the program's start. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/log.h"
#include "linux-user/exec.h"
#include "linux-user/gdb.h"
#include "linux-user/internal.h"
#include "linux-user/syscalls/call.h"
#include "linux-user/trace.h"
#include "base/version.h"
#include "tcg/user/user.h"

extern char **environ;

struct user_options user_options = { .exec_fd = -1 };
char *user_emulator_path;

/* --- options --------------------------------------------------------------------------------- */

struct arguments {
    char **envp;
    const char *log_mask, *log_file, *gdb, *gdb_fd;
    bool one_insn;
    bool inside;                    /* started by an exec of another emulator */
};

static _Noreturn void usage_error(const char *text, const char *what)
{
    error_report(text, what);
    exit(EXIT_FAILURE);
}

static uint64_t number(const char *option, const char *text, bool may_scale)
{
    char *end;
    uint64_t v;

    errno = 0;
    v = strtoull(text, &end, 0);
    if (may_scale && end != text && *end) {
        static const char units[] = "kMGT";
        const char *unit = strchr(units, *end == 'K' ? 'k' : *end);

        if (unit) {
            v <<= 10 * (unit - units + 1);
            end++;
        }
    }
    if (end == text || *end || errno) {
        error_report("%s: '%s' is not a number", option, text);
        exit(EXIT_FAILURE);
    }
    return v;
}

/* NAME=VALUE or NAME to remove; in a copy of the environment. */
static void change_env(struct arguments *a, const char *text, bool remove)
{
    size_t len = strcspn(text, "=");
    unsigned n = 0;
    char **copy;

    if (!remove && text[len] != '=') {
        usage_error("-E: '%s' is not NAME=VALUE", text);
    }
    while (a->envp[n]) {
        n++;
    }
    copy = calloc(n + 2, sizeof(*copy));
    n = 0;
    for (char **e = a->envp; *e; e++) {
        if (strncmp(*e, text, len) != 0 || (*e)[len] != '=') {
            copy[n++] = *e;
        }
    }
    if (!remove) {
        copy[n++] = (char *)text;
    }
    a->envp = copy;
}

/* Several, separated by commas, as QEMU_SET_ENV has them. */
static void change_env_list(struct arguments *a, const char *text, bool remove)
{
    char *list = strdup(text), *save;

    for (char *item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        change_env(a, item, remove);
    }
}

static void set_env(struct arguments *a, const char *arg)
{
    change_env(a, arg, false);
}

static void set_env_list(struct arguments *a, const char *arg)
{
    change_env_list(a, arg, false);
}

static void unset_env(struct arguments *a, const char *arg)
{
    change_env(a, arg, true);
}

static void unset_env_list(struct arguments *a, const char *arg)
{
    change_env_list(a, arg, true);
}

static void set_sysroot(struct arguments *a, const char *arg)
{
    user_options.sysroot = arg;
}

static void set_stack(struct arguments *a, const char *arg)
{
    user_options.stack_size = number("-s", arg, true);
    if (user_options.stack_size < 1 << 16) {
        usage_error("-s: a stack of %s bytes is too small", arg);
    }
}

static void set_cpu(struct arguments *a, const char *arg)
{
    if (strcmp(arg, "?") == 0 || strcmp(arg, "help") == 0) {
        the_target.list_models();
        exit(EXIT_SUCCESS);
    }
    user_options.cpu_model = arg;
}

static void set_argv0(struct arguments *a, const char *arg)
{
    user_options.argv0 = arg;
}

static void set_release(struct arguments *a, const char *arg)
{
    user_options.uname_release = arg;
}

static void set_base(struct arguments *a, const char *arg)
{
    user_options.base = number("-B", arg, false);
    user_options.base_given = true;
    if (user_options.base & (USER_PAGE - 1)) {
        usage_error("-B: '%s' is not a multiple of the page size", arg);
    }
}

static void set_reserved(struct arguments *a, const char *arg)
{
    user_options.reserved = number("-R", arg, true);
    if (the_target.word_bits == 32 && user_options.reserved > 1ull << 32) {
        usage_error("-R: '%s' is more than the 4 GiB that the program can have", arg);
    }
}

static void set_log(struct arguments *a, const char *arg)
{
    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        log_print_help(stdout);
        exit(EXIT_SUCCESS);
    }
    a->log_mask = arg;
}

static void set_log_file(struct arguments *a, const char *arg)
{
    a->log_file = arg;
}

static void set_strace(struct arguments *a, const char *arg)
{
    user_options.strace = true;
}

static void set_one_insn(struct arguments *a, const char *arg)
{
    a->one_insn = true;
}

static void set_exec_fd(struct arguments *a, const char *arg)
{
    user_options.exec_fd = number("-execfd", arg, false);
    a->inside = true;
}

static void set_gdb(struct arguments *a, const char *arg)
{
    a->gdb = arg;
}

static void set_gdb_fd(struct arguments *a, const char *arg)
{
    a->gdb_fd = arg;
}

static void set_exec_trace(struct arguments *a, const char *arg)
{
    user_options.exec_trace = arg;
}

static void check_page_size(struct arguments *a, const char *arg)
{
    if (number("-p", arg, false) != USER_PAGE) {
        usage_error("-p: pages of %s bytes are not what this host has", arg);
    }
}

static void print_version(struct arguments *a, const char *arg)
{
    printf("qemu-%s version " QEMU_VERSION "\n", the_target.name);
    exit(EXIT_SUCCESS);
}

static void print_help(struct arguments *a, const char *arg);

static const struct option {
    const char *name, *env;
    bool has_arg;
    void (*handler)(struct arguments *a, const char *arg);
    const char *arg_help, *help;
} options[] = {
    { "h", NULL, false, print_help, NULL, "print this help" },
    { "help", NULL, false, print_help },
    { "L", "QEMU_LD_PREFIX", true, set_sysroot, "path",
      "look below path first for the interpreter and other files" },
    { "s", "QEMU_STACK_SIZE", true, set_stack, "size",
      "stack size in bytes; k, M, G are understood" },
    { "cpu", "QEMU_CPU", true, set_cpu, "model", "processor; -cpu help lists them" },
    { "E", "QEMU_SET_ENV", true, set_env, "var=value", "set a variable for the program" },
    { "U", "QEMU_UNSET_ENV", true, unset_env, "var", "remove a variable for the program" },
    { "0", "QEMU_ARGV0", true, set_argv0, "name", "what the program finds as argv[0]" },
    { "r", "QEMU_UNAME", true, set_release, "release", "kernel release that uname tells" },
    { "B", "QEMU_GUEST_BASE", true, set_base, "address",
      "host address of the program's address 0" },
    { "R", "QEMU_RESERVED_VA", true, set_reserved, "size", "size of the program's address space" },
    { "d", "QEMU_LOG", true, set_log, "item,...", "log; -d help lists the items" },
    { "D", "QEMU_LOG_FILENAME", true, set_log_file, "file", "write the log there" },
    { "g", "QEMU_GDB", true, set_gdb, "port|path",
      "wait for gdb on a TCP port or a socket's path" },
    { "gdbfd", NULL, true, set_gdb_fd },        /* likewise */
    { "p", "QEMU_PAGESIZE", true, check_page_size, "size", "page size; only the host's" },
    { "singlestep", "QEMU_SINGLESTEP", false, set_one_insn, NULL, "translate single instructions" },
    { "one-insn-per-tb", "QEMU_ONE_INSN_PER_TB", false, set_one_insn },
    { "strace", "QEMU_STRACE", false, set_strace, NULL, "log system calls" },
    { "execfd", NULL, true, set_exec_fd },      /* these two for an exec inside the emulator only */
    { "exectrace", NULL, true, set_exec_trace },
    { "version", NULL, false, print_version, NULL, "print the version" },
};

static void print_help(struct arguments *a, const char *arg)
{
    printf("usage: qemu-%s [options] program [arguments...]\n"
           "Runs a Linux program for %s.\n\n", the_target.name, the_target.name);
    for (unsigned i = 0; i < ARRAY_LEN(options); i++) {
        char left[40];

        if (options[i].help) {
            snprintf(left, sizeof(left), "-%s %s", options[i].name,
                     options[i].arg_help ? options[i].arg_help : "");
            printf("%-20s %-22s %s\n", left, options[i].env ? options[i].env : "", options[i].help);
        }
    }
    printf("\nThe variables in the middle column do the same as the options.\n");
    exit(EXIT_SUCCESS);
}

static void read_environment(struct arguments *a)
{
    for (unsigned i = 0; i < ARRAY_LEN(options); i++) {
        const char *value = options[i].env ? getenv(options[i].env) : NULL;

        if (!value) {
            continue;
        }
        if (options[i].handler == set_env) {
            set_env_list(a, value);
        } else if (options[i].handler == unset_env) {
            unset_env_list(a, value);
        } else {
            options[i].handler(a, value);
        }
    }
}

/* Returns the index of the program's name. */
static int read_options(struct arguments *a, int argc, char **argv)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        const char *name = argv[i] + 1;
        const struct option *o = NULL;

        if (strcmp(name, "-") == 0) {
            return i + 1;
        }
        name += *name == '-';
        for (unsigned n = 0; n < ARRAY_LEN(options); n++) {
            if (strcmp(options[n].name, name) == 0) {
                o = &options[n];
            }
        }
        if (!o) {
            usage_error("unknown option '%s'; see -h", argv[i]);
        }
        if (o->has_arg && ++i == argc) {
            usage_error("option '-%s' needs an argument; see -h", o->name);
        }
        o->handler(a, argv[i]);
    }
    return i;
}

static void start_log(const struct arguments *a)
{
    struct error *err = NULL;

    if ((a->log_file && !log_set_file(a->log_file, &err)) ||
        (a->log_mask && !log_set_mask_string(a->log_mask, &err))) {
        error_exit_with(err);
    }
    if (a->one_insn) {
        log_mask |= LOG_ONE_INSN;
    }
}

static void default_sysroot(void)
{
    static char path[64];
    struct stat st;

    if (!user_options.sysroot) {
        snprintf(path, sizeof(path), "/etc/qemu-binfmt/%s", the_target.name);
        if (stat(path, &st) == 0) {
            user_options.sysroot = path;
        }
    }
    if (user_options.sysroot && strcmp(user_options.sysroot, "/") == 0) {
        user_options.sysroot = NULL;
    }
}

/* --- start ----------------------------------------------------------------------------------- */

static char *read_link(const char *path)
{
    char buf[PATH_MAX];
    ssize_t len = readlink(path, buf, sizeof(buf) - 1);

    if (len < 0) {
        return NULL;
    }
    buf[len] = 0;
    return strdup(buf);
}

/*
 * For the exec of programs. Without /proc the user's name for us must do, or the kernel's, which is
 * the program's own if the kernel started us for it.
 */
static char *find_emulator(char **argv)
{
    const char *from_kernel = (const char *)getauxval(AT_EXECFN);
    char *path = read_link("/proc/self/exe");

    if (!path && strchr(argv[0], '/')) {
        path = realpath(argv[0], NULL);
    }
    if (path || !from_kernel || (argv[1] && strcmp(from_kernel, argv[1]) == 0)) {
        return path;
    }
    return realpath(from_kernel, NULL);
}

enum { PRESERVED_ARGV0 = 1 };       /* in AT_FLAGS */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/*
 * Started by the kernel for a program of a registered kind: `emulator path args...', with flag P
 * `emulator path argv0 args...', with flag O the program open. Kernels before 5.12 do not tell of
 * P; there the registered name ends so. Returns the index of the program's name, 0: not so.
 */
static int started_by_kernel(int argc, char **argv)
{
    bool has_argv0 = getauxval(AT_FLAGS) & PRESERVED_ARGV0 || ends_with(argv[0], "-binfmt-P");
    int fd;

    errno = 0;
    fd = getauxval(AT_EXECFD);
    if (errno == 0) {
        user_options.exec_fd = fd;
    }
    if (!has_argv0 || argc < 3) {
        return user_options.exec_fd >= 0 ? 1 : 0;
    }
    user_options.argv0 = argv[2];
    argv[2] = argv[1];
    return 2;
}

/* What ps shows. */
static void take_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    prctl(PR_SET_NAME, slash ? slash + 1 : path);
}

static struct cpu *make_cpu(void)
{
    struct error *err = NULL;
    struct cpu *cpu = user_cpu_create(user_options.cpu_model, &err);

    if (!cpu) {
        error_exit_with(err);
    }
    return cpu;
}

/* The variable is for the first program only, unless each gets a socket of its own. */
static void open_gdb(const struct arguments *a)
{
    bool wanted = a->gdb && (!a->inside || strstr(a->gdb, "%d"));
    struct error *err = NULL;

    if (a->gdb_fd ? !user_gdb_inherit(a->gdb_fd, &err)
                  : wanted && !user_gdb_open(a->gdb, &err)) {
        error_exit_with(err);
    }
}

static _Noreturn void start(const struct exec_request *request, char **envp)
{
    struct user_program program = { 0 };
    struct error *err = NULL;

    if (!user_load_elf(request->fd, request->path, &program, &err) ||
        !user_make_stack(&program, request->argc, request->argv, envp, request->path, &err)) {
        error_report_free(err);
        exit(program.no_interpreter ? 127 : 126);
    }
    close(request->fd);
    user_arch_start(user_task->cpu, &program);
    if (user_options.exec_trace) {
        trace_exec_start(user_task, user_options.exec_trace);
    }
    user_gdb_start(user_task);
    user_arch_loop(user_task);
}

int main(int argc, char **argv)
{
    struct arguments a = { .envp = environ };
    struct exec_request request = { 0 };
    struct error *err = NULL;
    char name[32];
    int i, status;

    snprintf(name, sizeof(name), "qemu-%s", the_target.name);
    error_set_program(name);
    if (!getauxval(AT_SECURE)) {        /* else the user must not steer us */
        read_environment(&a);
    }
    i = started_by_kernel(argc, argv);
    i = i ? i : read_options(&a, argc, argv);
    if (i >= argc) {
        usage_error("%s", "no program given; usage: qemu-ARCH [options] program [arguments...]");
    }
    default_sysroot();
    user_emulator_path = find_emulator(argv);
    start_log(&a);
    status = exec_open(argv[i], argc - i, argv + i, &request, &err);
    if (status) {
        error_report_free(err);
        return status;
    }
    take_name(argv[i]);
    if (!user_memory_init(&err)) {
        error_exit_with(err);
    }
    open_gdb(&a);
    user_main_task(make_cpu());
    call_init(user_process_abi);
    user_signal_init();
    start(&request, a.envp);
}
