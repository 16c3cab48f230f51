/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /init of the benchmark's guest: says when it is up, runs and marks each item, idles, powers off.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 1 << 16 };

static uint32_t words[WORDS];
static uint32_t seed;

static uint32_t next_random(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

/* A checksum by table and a little cipher over a buffer: loads, shifts, rotations, branches. */
static uint64_t integers(void)
{
    uint32_t table[256], crc = ~0u, key = 0x9e3779b9;

    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++) {
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        }
        table[i] = c;
    }
    for (int round = 0; round < 400; round++) {
        for (int i = 0; i < WORDS; i++) {
            uint32_t w = words[i] + key;

            crc = crc >> 8 ^ table[(crc ^ w) & 0xff];
            key = (key << 5 | key >> 27) ^ (w % 3 ? crc : w);
            words[i] = w ^ crc;
        }
    }
    return (uint64_t)crc << 32 | key;
}

__attribute__((noinline)) static unsigned fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint64_t calls(void)
{
    return fib(38);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t sorting(void)
{
    uint64_t sum = 0;

    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < WORDS; i++) {
            words[i] = next_random();
        }
        qsort(words, WORDS, sizeof(words[0]), compare);
        sum = sum * 31 + words[WORDS / 3];
    }
    return sum;
}

static uint64_t floats(void)
{
    double x = 0.1, y = 0.2, sum = 0;

    for (int i = 0; i < 24000000; i++) {
        double next = 1 - 1.4 * x * x + y;

        y = 0.3 * x;
        x = next;
        sum += sqrt(fabs(x)) / (1 + y * y);
    }
    return (uint64_t)(sum * 1000);
}

static uint64_t vectors(void)
{
    static float a[4096], b[4096];
    float sum = 0;

    for (int i = 0; i < 4096; i++) {
        a[i] = (float)(i % 17) / 16;
    }
    for (int round = 0; round < 40000; round++) {
        for (int i = 0; i < 4096; i++) {
            b[i] = b[i] * 0.5f + a[i];
        }
    }
    for (int i = 0; i < 4096; i++) {
        sum += b[i];
    }
    return (uint64_t)(sum * 64);
}

static uint64_t copying(void)
{
    static uint8_t from[1 << 20], to[1 << 20];
    uint64_t sum = 0;

    for (int i = 0; i < 2000; i++) {
        from[i] = (uint8_t)i;
        memmove(to, from, sizeof(to) - (unsigned)i);
        sum += to[i];
    }
    return sum;
}

static uint64_t system_calls(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < 2000000; i++) {
        sum += (uint64_t)syscall(SYS_getppid);
    }
    return sum;
}

static uint64_t page_faults(void)
{
    enum { SIZE = 8 << 20 };
    uint64_t sum = 0;

    for (int round = 0; round < 60; round++) {
        uint8_t *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        for (unsigned i = 0; p != MAP_FAILED && i < SIZE; i += 4096) {
            p[i] = 1;
            sum++;
        }
        munmap(p, SIZE);
    }
    return sum;
}

static uint64_t processes(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < 1000; i++) {
        int status;
        pid_t pid = fork();

        if (pid == 0) {
            _exit(i & 0x7f);
        }
        waitpid(pid, &status, 0);
        sum += (uint64_t)WEXITSTATUS(status);
    }
    return sum;
}

static uint64_t pipes(void)
{
    int there[2], back[2];
    uint64_t count = 0;
    char c = 'x';

    if (pipe(there) || pipe(back)) {
        return 0;
    }
    if (fork() == 0) {
        close(there[1]);
        while (read(there[0], &c, 1) == 1 && write(back[1], &c, 1) == 1) {
        }
        _exit(0);
    }
    for (int i = 0; i < 20000; i++) {
        count += write(there[1], &c, 1) == 1 && read(back[0], &c, 1) == 1;
    }
    close(there[1]);
    wait(NULL);
    return count;
}

static const struct { const char *name; uint64_t (*run)(void); } items[] = {
    { "cpu:integers", integers }, { "cpu:calls", calls }, { "cpu:sorting", sorting },
    { "fp:floats", floats }, { "fp:vectors", vectors },
    { "kernel:copying", copying }, { "kernel:system_calls", system_calls },
    { "kernel:page_faults", page_faults }, { "kernel:processes", processes },
    { "kernel:pipes", pipes },
};

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    mount("proc", "/proc", "proc", 0, NULL);
    printf("@@up\n");
    sleep(2);
    printf("@@B idle\n");
    sleep(5);
    printf("@@E idle 0\n");
    for (unsigned i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        printf("@@B %s\n", items[i].name);
        printf("@@E %s %llu\n", items[i].name, (unsigned long long)items[i].run());
    }
    reboot(RB_POWER_OFF);
    return 0;
}
