/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stack that a new program finds: arguments, environment, auxiliary vector. */
#include "linux-user/internal.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/bits.h"
#include "base/error.h"

enum { DEFAULT_STACK = 8 << 20, GUARD = 1 << 16 };

struct user_image user_image;

/* --- building downwards ---------------------------------------------------------------------- */

struct stack {
    uint64_t at, low;
    bool full;
};

static uint64_t push(struct stack *s, const void *data, size_t len)
{
    if (s->full || len > s->at - s->low) {
        s->full = true;
        return 0;
    }
    s->at -= len;
    memcpy(user_ptr(s->at), data, len);
    return s->at;
}

static unsigned word_size(void)
{
    return user_process_abi->word_bits / 8;
}

/* An upward writer of words. */
struct words {
    uint64_t at;
};

static void word(struct words *w, uint64_t v)
{
    if (word_size() == 8) {
        memcpy(user_ptr(w->at), &v, 8);
    } else {
        uint32_t v32 = user_process_abi->big_endian ? __builtin_bswap32(v) : v;

        memcpy(user_ptr(w->at), &v32, 4);
    }
    w->at += word_size();
}

/* --- the auxiliary vector -------------------------------------------------------------------- */

struct aux_strings {
    uint64_t platform, random, exec_name;
};

static unsigned make_auxv(uint64_t (*v)[2], const struct user_program *p,
                          const struct aux_strings *s)
{
    const struct { uint64_t type, value; bool absent; } entries[] = {
        { AT_HWCAP, user_arch_hwcap(user_task->cpu) },
        { AT_PAGESZ, USER_PAGE },
        { AT_CLKTCK, sysconf(_SC_CLK_TCK) },
        { AT_PHDR, p->phdr, p->phdr == 0 },
        { AT_PHENT, p->phent },
        { AT_PHNUM, p->phnum },
        { AT_BASE, p->base },
        { AT_FLAGS, 0 },
        { AT_ENTRY, p->program_entry },
        { AT_UID, getuid() },
        { AT_EUID, geteuid() },
        { AT_GID, getgid() },
        { AT_EGID, getegid() },
        { AT_SECURE, getauxval(AT_SECURE) },
        { AT_RANDOM, s->random },
        { AT_HWCAP2, 0 },
        { AT_EXECFN, s->exec_name },
        { AT_PLATFORM, s->platform, s->platform == 0 },
        { AT_NULL, 0 },
    };
    unsigned n = 0;

    for (unsigned i = 0; i < ARRAY_LEN(entries); i++) {
        if (!entries[i].absent) {
            v[n][0] = entries[i].type;
            v[n++][1] = entries[i].value;
        }
    }
    return n;
}

/* --- the whole ------------------------------------------------------------------------------- */

static uint64_t stack_size(void)
{
    struct rlimit limit;

    if (user_options.stack_size) {
        return align_up(user_options.stack_size, USER_PAGE);
    }
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur >= 1 << 17) {
        uint64_t most = user_process_abi->word_bits == 32 ? 256 << 20 : 1 << 30;

        return align_down(MIN_OF(limit.rlim_cur, most), USER_PAGE);
    }
    return DEFAULT_STACK;
}

static bool map_stack(struct stack *s, bool exec, struct error **err)
{
    uint64_t size = stack_size();
    int64_t low;

    if (user_process_abi->word_bits == 32) {
        low = user_mmap(user_top - size - GUARD, size + GUARD, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    } else {
        low = user_mmap(0, size + GUARD, PROT_READ | PROT_WRITE | (exec ? PROT_EXEC : 0),
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    }
    if (low < 0) {
        error_set_errno(err, -low, "cannot get %llu KiB for the program's stack; see -s",
                        (unsigned long long)size >> 10);
        return false;
    }
    if (exec && user_process_abi->word_bits == 32) {
        user_mprotect(low, size + GUARD, PROT_READ | PROT_WRITE | PROT_EXEC);
    }
    user_map_guard(low, GUARD);
    s->low = user_image.stack_low = low + GUARD;
    s->at = user_image.stack_high = low + GUARD + size;
    return true;
}

/* Pushes strings from the last to the first; their addresses go to `at'. */
static void push_strings(struct stack *s, char **strings, unsigned n, uint64_t *at)
{
    while (n-- > 0) {
        at[n] = push(s, strings[n], strlen(strings[n]) + 1);
    }
}

static unsigned count(char **strings)
{
    unsigned n = 0;

    while (strings[n]) {
        n++;
    }
    return n;
}

static void push_extras(struct stack *s, const char *exec_name, struct aux_strings *aux)
{
    const char *platform = user_arch_platform();
    uint8_t random[16];

    if (getrandom(random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
        memcpy(random, (const void *)getauxval(AT_RANDOM), sizeof(random));
    }
    aux->platform = platform ? push(s, platform, strlen(platform) + 1) : 0;
    s->at &= ~15ull;
    aux->random = push(s, random, sizeof(random));
}

bool user_make_stack(struct user_program *p, int argc, char **argv, char **envp,
                     const char *exec_name, struct error **err)
{
    unsigned envc = count(envp), n_aux, n_words;
    uint64_t *at = calloc(argc + envc + 1, sizeof(*at)), auxv[32][2];
    struct aux_strings aux;
    struct stack s = { 0 };
    struct words w;

    if (!at || !map_stack(&s, p->exec_stack, err)) {
        free(at);
        return false;
    }
    push(&s, "\0\0\0\0\0\0\0", 8);
    aux.exec_name = push(&s, exec_name, strlen(exec_name) + 1);
    user_image.env_end = s.at;
    push_strings(&s, envp, envc, at + argc);
    user_image.env_start = user_image.arg_end = s.at;
    push_strings(&s, argv, argc, at);
    user_image.arg_start = s.at;
    push_extras(&s, exec_name, &aux);
    n_aux = make_auxv(auxv, p, &aux);
    n_words = 1 + argc + 1 + envc + 1 + 2 * n_aux;
    if (s.full || n_words * 8ull + 4096 > s.at - s.low) {
        error_set(err, "the arguments do not fit into the program's stack; see -s");
        free(at);
        return false;
    }
    p->stack = w.at = align_down(s.at - n_words * word_size(), 16);
    word(&w, argc);
    for (int i = 0; i < argc; i++) {
        word(&w, at[i]);
    }
    word(&w, 0);
    for (unsigned i = 0; i < envc; i++) {
        word(&w, at[argc + i]);
    }
    word(&w, 0);
    user_image.auxv = w.at;
    user_image.auxv_len = 2 * n_aux * word_size();
    for (unsigned i = 0; i < n_aux; i++) {
        word(&w, auxv[i][0]);
        word(&w, auxv[i][1]);
    }
    user_image.start_stack = p->stack;
    free(at);
    return true;
}
