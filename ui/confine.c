/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process gives up before a guest runs: -chroot, -runas and -sandbox. */
#include "ui/confine.h"

#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#ifdef CONFIG_SECCOMP
#include <seccomp.h>
#endif

#include "base/bits.h"
#include "base/keyval.h"
#include "base/option.h"

static struct {
    char *folder;
    bool has_user, sandboxed;
    char *user;                     /* NULL: by numbers */
    uid_t uid;
    gid_t gid;
    unsigned denied;                /* bit n: group n of system calls */
} wanted;

/* --- folder and user ------------------------------------------------------------------------- */

/* A name, or uid:gid. */
static bool parse_user(const char *text, struct error **err)
{
    const struct passwd *entry = getpwnam(text);
    char **ids = g_strsplit(text, ":", 2);
    uint64_t uid, gid;
    bool good = true;

    if (entry) {
        wanted.user = g_strdup(text);
        wanted.uid = entry->pw_uid;
        wanted.gid = entry->pw_gid;
    } else if (ids[0] && ids[1] && parse_uint(ids[0], &uid) && parse_uint(ids[1], &gid) &&
               uid < (uid_t)-1 && gid < (gid_t)-1) {
        wanted.uid = (uid_t)uid;
        wanted.gid = (gid_t)gid;
    } else {
        error_set(err, "there is no user '%s', and it is not uid:gid", text);
        good = false;
    }
    g_strfreev(ids);
    wanted.has_user = true;
    return good;
}

static bool enter_folder(struct error **err)
{
    if (chroot(wanted.folder) != 0 || chdir("/") != 0) {
        error_set_errno(err, errno, "-chroot %s", wanted.folder);
        return false;
    }
    return true;
}

static bool become_user(struct error **err)
{
    if (setgid(wanted.gid) != 0 ||
        (wanted.user ? initgroups(wanted.user, wanted.gid) : setgroups(1, &wanted.gid)) != 0 ||
        setuid(wanted.uid) != 0) {
        error_set_errno(err, errno, "-runas: cannot become user %u, group %u",
                        (unsigned)wanted.uid, (unsigned)wanted.gid);
        return false;
    }
    if (wanted.uid != 0 && setuid(0) == 0) {
        error_set(err, "-runas: the process could become root again");
        return false;
    }
    return true;
}

/* --- system calls ---------------------------------------------------------------------------- */

enum { ALWAYS, OBSOLETE, PRIVILEGES, SPAWN, RESOURCES, GROUPS };

static const struct {
    const char *key;
    bool by_default;                /* denied by a bare -sandbox on */
} groups[GROUPS] = {
    [ALWAYS] = { NULL, true }, [OBSOLETE] = { "obsolete", true },
    [PRIVILEGES] = { "elevateprivileges", false }, [SPAWN] = { "spawn", false },
    [RESOURCES] = { "resourcecontrol", false },
};

#ifdef CONFIG_SECCOMP
enum outcome { KILLED, REFUSED, UNKNOWN };

/* No emulator has a use for those without a group of their own. */
static const struct {
    const char *name;
    uint8_t group, outcome;
} calls[] = {
    { "reboot", ALWAYS }, { "swapon", ALWAYS }, { "swapoff", ALWAYS }, { "syslog", ALWAYS },
    { "mount", ALWAYS }, { "umount", ALWAYS }, { "umount2", ALWAYS }, { "pivot_root", ALWAYS },
    { "kexec_load", ALWAYS }, { "kexec_file_load", ALWAYS }, { "init_module", ALWAYS },
    { "finit_module", ALWAYS }, { "delete_module", ALWAYS }, { "acct", ALWAYS },
    { "settimeofday", ALWAYS }, { "quotactl", ALWAYS }, { "nfsservctl", ALWAYS },
    { "vhangup", ALWAYS }, { "open_by_handle_at", ALWAYS }, { "bpf", ALWAYS },

    { "_sysctl", OBSOLETE }, { "afs_syscall", OBSOLETE }, { "bdflush", OBSOLETE },
    { "break", OBSOLETE }, { "create_module", OBSOLETE }, { "ftime", OBSOLETE },
    { "get_kernel_syms", OBSOLETE }, { "getpmsg", OBSOLETE }, { "gtty", OBSOLETE },
    { "lock", OBSOLETE }, { "mpx", OBSOLETE }, { "prof", OBSOLETE }, { "profil", OBSOLETE },
    { "putpmsg", OBSOLETE }, { "query_module", OBSOLETE }, { "readdir", OBSOLETE },
    { "security", OBSOLETE }, { "sgetmask", OBSOLETE }, { "ssetmask", OBSOLETE },
    { "stty", OBSOLETE }, { "sysfs", OBSOLETE }, { "tuxcall", OBSOLETE }, { "ulimit", OBSOLETE },
    { "uselib", OBSOLETE }, { "ustat", OBSOLETE }, { "vserver", OBSOLETE },

    { "setuid", PRIVILEGES }, { "setgid", PRIVILEGES }, { "setreuid", PRIVILEGES },
    { "setregid", PRIVILEGES }, { "setresuid", PRIVILEGES }, { "setresgid", PRIVILEGES },
    { "setfsuid", PRIVILEGES }, { "setfsgid", PRIVILEGES }, { "setpgid", PRIVILEGES },
    { "setsid", PRIVILEGES }, { "setgroups", PRIVILEGES }, { "capset", PRIVILEGES },

    /* The flags of clone3 are out of a filter's sight: libraries do with clone then. */
    { "fork", SPAWN }, { "vfork", SPAWN }, { "execve", SPAWN }, { "execveat", SPAWN },
    { "clone3", SPAWN, UNKNOWN },

    { "setpriority", RESOURCES, REFUSED }, { "ioprio_set", RESOURCES, REFUSED },
    { "sched_setparam", RESOURCES, REFUSED }, { "sched_setscheduler", RESOURCES, REFUSED },
    { "sched_setattr", RESOURCES, REFUSED }, { "sched_setaffinity", RESOURCES, REFUSED },
};

static uint32_t action_of(unsigned outcome)
{
    return outcome == REFUSED ? SCMP_ACT_ERRNO(EPERM)
         : outcome == UNKNOWN ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_KILL_PROCESS;
}

/* Returns 0 or a negative errno. A call that this architecture does not have needs no rule. */
static int add_rules(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        int number = seccomp_syscall_resolve_name(calls[i].name), failed;

        if (number == __NR_SCMP_ERROR || !(wanted.denied >> calls[i].group & 1)) {
            continue;
        }
        failed = seccomp_rule_add(filter, action_of(calls[i].outcome), number, 0);
        if (failed && failed != -EDOM) {
            return failed;
        }
    }
    if (wanted.denied & 1 << SPAWN) {           /* threads stay allowed */
        return seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    }
    return 0;
}

/*
 * All threads that there are and those that they will start. It holds for children as well, and
 * loading it has forgone set-user-ID programs for all of them: deny and children are the same.
 */
static bool filter_calls(struct error **err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int failed = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

    failed = failed ? failed : add_rules(filter);
    failed = failed ? failed : seccomp_load(filter);
    if (filter) {
        seccomp_release(filter);
    }
    if (failed) {
        error_set_errno(err, -failed, "-sandbox: the kernel does not take the filter");
    }
    return !failed;
}
#else
static bool filter_calls(struct error **err)
{
    error_set(err, "-sandbox: this program was built without libseccomp");
    return false;
}
#endif

static bool parse_group(struct keyval *kv, unsigned group, struct error **err)
{
    const char *value = keyval_string(kv, groups[group].key, NULL);
    bool children = value && group == PRIVILEGES && strcmp(value, "children") == 0;

    if (!value ? groups[group].by_default : strcmp(value, "deny") == 0 || children) {
        wanted.denied |= 1u << group;
    } else if (value && strcmp(value, "allow") != 0) {
        error_set(err, "-sandbox %s=%s: it is allow or deny%s", groups[group].key, value,
                  group == PRIVILEGES ? " or children" : "");
        return false;
    }
    return true;
}

static bool parse_sandbox(const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("-sandbox", text, "enable", err);
    bool good = kv != NULL && keyval_bool(kv, "enable", &wanted.sandboxed, err);

    if (good && !keyval_has(kv, "enable")) {
        error_set(err, "-sandbox: say on or off");
        good = false;
    }
    wanted.denied = 1 << ALWAYS;
    for (unsigned group = OBSOLETE; good && group < GROUPS; group++) {
        good = parse_group(kv, group, err);
    }
    good = good && keyval_check(kv, err);
    if (kv) {
        keyval_free(kv);
    }
    return good;
}

/* --- both ------------------------------------------------------------------------------------ */

bool confine_option(void *opaque, const struct option_row *row, const char *text,
                    struct error **err)
{
    if (strcmp(row->name, "sandbox") == 0) {
        return parse_sandbox(text, err);
    }
    if (strcmp(row->name, "runas") == 0) {
        return parse_user(text, err);
    }
    wanted.folder = g_strdup(text);
    return true;
}

bool confine_process(struct error **err)
{
    return (!wanted.folder || enter_folder(err)) && (!wanted.has_user || become_user(err)) &&
           (!wanted.sandboxed || filter_calls(err));
}
