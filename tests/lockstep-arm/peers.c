/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both emulators: the guest's program is assembled once, a batch is one process of each. */
#include "lockstep.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"

enum { TIMEOUT_MS = 20000 };

static bool shell(const char *command)
{
    return system(command) == 0;
}

static uint32_t symbol(const struct peers *p, const char *name)
{
    char line[256], at[32], type[8], found[200];
    uint32_t value = 0;
    FILE *f;

    snprintf(line, sizeof(line), "%snm %s/guest", p->prefix, p->folder);
    f = popen(line, "r");
    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%31s %7s %199s", at, type, found) == 3 && strcmp(found, name) == 0) {
            value = strtoul(at, NULL, 16);
        }
    }
    if (f) {
        pclose(f);
    }
    return value;
}

static bool find_assembler(struct peers *p)
{
    static const char *const prefixes[] = { "arm-linux-gnueabihf-", "arm-linux-gnueabi-",
                                            "arm-none-eabi-" };
    char line[128];

    for (unsigned i = 0; i < ARRAY_LEN(prefixes); i++) {
        snprintf(line, sizeof(line), "command -v %sas %sld %snm >/dev/null 2>&1", prefixes[i],
                 prefixes[i], prefixes[i]);
        if (shell(line)) {
            p->prefix = prefixes[i];
            return true;
        }
    }
    return false;
}

bool peers_init(struct peers *p, const char **why)
{
    const char *build = getenv("BUILD"), *peer = getenv("PEER");
    static char ours[512];
    char line[1024];

    snprintf(ours, sizeof(ours), "%s/qemu-arm", build ? build : "build");
    p->ours = ours;
    p->peer = peer ? peer : "qemu-arm";
    p->folder[0] = 0;
    snprintf(line, sizeof(line), "command -v %s >/dev/null 2>&1", p->peer);
    if (!shell(line)) {
        *why = "there is no qemu-arm of another make (PEER names it)";
        return false;
    }
    if (!find_assembler(p)) {
        *why = "there is no assembler for ARM";
        return false;
    }
    snprintf(p->folder, sizeof(p->folder), "/tmp/lockstep-arm-XXXXXX");
    if (!mkdtemp(p->folder)) {
        *why = "no folder could be made in /tmp";
        return false;
    }
    snprintf(line, sizeof(line), "cpp -P tests/lockstep-arm/guest.S | %sas -o %s/guest.o - && "
             "%sld -Ttext=0x10000 -z max-page-size=4096 -o %s/guest %s/guest.o", p->prefix,
             p->folder, p->prefix, p->folder, p->folder);
    if (!shell(line)) {
        *why = "guest.S could not be assembled";
        return false;
    }
    p->block_end = symbol(p, "block_end");
    p->block_end_old = symbol(p, "block_end_old");
    return true;
}

void peers_done(struct peers *p)
{
    char line[128];

    if (p->folder[0]) {
        snprintf(line, sizeof(line), "rm -rf %s", p->folder);
        shell(line);
    }
}

static bool write_batch(const char *path, const struct batch *b)
{
    struct batch_header h = { (rows_has(F_VFP2) ? HAS_VFP : 0) | (rows_has(F_D32) ? HAS_D32 : 0),
                              b->code_size, b->n_blocks * RUNS_PER_BLOCK, 0 };
    FILE *f = fopen(path, "w");
    bool good;

    if (!f) {
        return false;
    }
    good = fwrite(&h, sizeof(h), 1, f) && fwrite(b->code, b->code_size, 1, f) &&
           fwrite(b->memory, MEMORY_SIZE, 1, f) &&
           fwrite(b->run, sizeof(*b->run) * h.runs, 1, f);
    return fclose(f) == 0 && good;
}

static pid_t start(const char *program, const char *cpu, const char *guest, const char *in,
                   const char *out)
{
    pid_t pid = fork();

    if (pid == 0) {
        int from = open(in, O_RDONLY), to = open(out, O_CREAT | O_TRUNC | O_WRONLY, 0600),
            null = open("/dev/null", O_WRONLY);

        dup2(from, 0);
        dup2(to, 1);
        dup2(null, 2);
        execlp(program, program, "-cpu", cpu, guest, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static bool finish(pid_t pid)
{
    struct timespec ms = { .tv_nsec = 1000000 };
    int status = 0;

    for (unsigned i = 0; i < TIMEOUT_MS; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
        nanosleep(&ms, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return false;
}

static bool read_outcome(const char *path, unsigned runs, struct outcome *out)
{
    FILE *f = fopen(path, "r");
    bool good;

    out->result = realloc(out->result, sizeof(*out->result) * runs);
    memset(out->result, 0, sizeof(*out->result) * runs);
    good = f && fread(out->result, sizeof(*out->result) * runs, 1, f) &&
           fread(out->memory, MEMORY_SIZE, 1, f);
    if (f) {
        fclose(f);
    }
    return good;
}

void peers_run(struct peers *p, const struct batch *b, struct outcome out[2])
{
    char guest[96], in[96], to[2][96];
    pid_t pid[2];

    snprintf(guest, sizeof(guest), "%s/guest", p->folder);
    snprintf(in, sizeof(in), "%s/in", p->folder);
    if (!write_batch(in, b)) {
        abort();
    }
    for (unsigned i = 0; i < 2; i++) {
        snprintf(to[i], sizeof(to[i]), "%s/out%u", p->folder, i);
        pid[i] = start(i ? p->peer : p->ours, b->profile->cpu, guest, in, to[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        out[i].finished = finish(pid[i]);
        out[i].finished &= read_outcome(to[i], b->n_blocks * RUNS_PER_BLOCK, &out[i]);
    }
}
