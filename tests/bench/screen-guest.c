/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Multiboot kernel for tests/bench/screen. Its command line says what it does:
 *     pictures        shows one of five pictures of 1024x768x32, and the next one at each key
 *     vga LINES       scrolls so many lines of text on the VGA's screen
 *     serial LINES    writes so many lines to the first serial port
 * Port 0xe9 gets "B" when it begins and "E" at the end.
 */
#include <stdint.h>

#define WIDTH 1024
#define HEIGHT 768
#define PICTURES 5

struct multiboot_header {
    uint32_t magic, flags, checksum;
};
__attribute__((section(".text.first"), used))
static const struct multiboot_header header = { 0x1badb002, 0, -0x1badb002u };

__asm__(".globl _start\n_start:\n"
        "    lgdt gdt_at\n    ljmp $8, $1f\n1:  mov $16, %cx\n    mov %cx, %ds\n"
        "    mov %cx, %es\n    mov %cx, %ss\n    mov $stack + 16384, %esp\n"
        "    push %ebx\n    call run\n2:  hlt\n    jmp 2b\n"
        "key:\n    push %eax\n    in $0x60, %al\n    mov $0x20, %al\n    out %al, $0x20\n"
        "    incl keys\n    pop %eax\n    iret\n"
        ".align 8\ngdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
        "gdt_at: .word 23\n    .long gdt\n");

char stack[16384];
volatile uint32_t keys;
extern char key[];

static uint64_t idt[64];

static inline void out8(uint16_t port, uint8_t v)
{
    __asm__("outb %0, %1" :: "a"(v), "Nd"(port));
}
static inline void out16(uint16_t port, uint16_t v)
{
    __asm__("outw %0, %1" :: "a"(v), "Nd"(port));
}
static inline void out32(uint16_t port, uint32_t v)
{
    __asm__("outl %0, %1" :: "a"(v), "Nd"(port));
}
static inline uint8_t in8(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline uint32_t in32(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

/* Only the keyboard's interrupt, at vector 0x21. */
static void take_keys(void)
{
    static struct { uint16_t size; uint32_t at; } __attribute__((packed)) idtr;
    uint32_t at = (uint32_t)key;

    idt[0x21] = (at & 0xffff) | 8u << 16 | (uint64_t)((at & 0xffff0000) | 0x8e00) << 32;
    idtr.size = sizeof(idt) - 1;
    idtr.at = (uint32_t)idt;
    __asm__("lidt %0" :: "m"(idtr));
    out8(0x20, 0x11); out8(0x21, 0x20); out8(0x21, 4); out8(0x21, 1); out8(0x21, 0xfd);
    while (in8(0x64) & 1) {
        in8(0x60);
    }
    out8(0x64, 0x60);
    out8(0x60, 0x41);                    /* keys interrupt */
    __asm__("sti");
}

/* --- pictures -------------------------------------------------------------------------------- */

static void vbe(uint16_t index, uint16_t value)
{
    out16(0x1ce, index);
    out16(0x1cf, value);
}

static uint32_t *frame_buffer(void)
{
    for (uint32_t slot = 0; slot < 32; slot++) {
        out32(0xcf8, 0x80000008 | slot << 11);
        if (in32(0xcfc) >> 16 == 0x0300) {
            out32(0xcf8, 0x80000010 | slot << 11);
            return (uint32_t *)(in32(0xcfc) & ~15u);
        }
    }
    return 0;
}

static uint32_t random_bits(void)
{
    static uint32_t state = 1;

    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

static uint8_t font[64][16];

static void make_font(void)
{
    for (unsigned i = 0; i < 64 * 16; i++) {
        font[i / 16][i % 16] = i % 16 < 3 || i % 16 > 12 ? 0 : (uint8_t)random_bits() & 0x7e;
    }
}

/* Black signs of 8 by 16 on paper, with blanks at the ends of lines. */
static void paint_text(uint32_t *to, unsigned width, unsigned height, uint32_t paper)
{
    for (unsigned line = 0; line < height / 16; line++) {
        unsigned length = random_bits() % (width / 8);

        for (unsigned column = 0; column < width / 8; column++) {
            uint8_t *sign = font[random_bits() % 64];

            for (unsigned y = 0; y < 16; y++) {
                for (unsigned x = 0; x < 8; x++) {
                    to[(line * 16 + y) * WIDTH + column * 8 + x] =
                        column < length && sign[y] >> x & 1 ? paper >> 3 & 0x1f1f1f : paper;
                }
            }
        }
    }
}

/* Level areas with a slope across, and a photograph: slopes with grain. */
static void paint_slopes(uint32_t *to, unsigned width, unsigned height, uint32_t n, uint32_t grain)
{
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            uint32_t noise = grain ? random_bits() & grain : 0;
            uint32_t r = x / 3 + 37 * n, g = y / 2 + 11 * n, b = (x + y) / 4 + 53 * n;

            to[y * WIDTH + x] = ((r & 255) << 16 | (g & 255) << 8 | (b & 255)) ^ noise;
        }
    }
}

static void paint(uint32_t *to, uint32_t n)
{
    uint32_t paper = 0xf0f0f0 - n * 0x070503;

    paint_text(to, 640, HEIGHT, paper);
    paint_slopes(to + 640, 384, 256, n, 0);
    paint_slopes(to + 640 + 256 * WIDTH, 384, 256, n, 0x030303);
    for (unsigned y = 512; y < HEIGHT; y++) {
        for (unsigned x = 640; x < WIDTH; x++) {
            to[y * WIDTH + x] = (x / 48 + y / 32) & 1 ? 0x3060a0 + n * 3 : 0xd0d0d0 - n * 5;
        }
    }
}

static void show_pictures(void)
{
    uint32_t *fb = frame_buffer(), seen = 0;

    vbe(4, 0);
    vbe(1, WIDTH); vbe(2, HEIGHT); vbe(3, 32);
    vbe(4, 0x41);
    make_font();
    for (uint32_t n = 0; n < PICTURES; n++) {
        paint(fb + n * WIDTH * HEIGHT, n);
    }
    take_keys();
    out8(0xe9, 'B');
    for (;;) {
        __asm__("cli");
        if (seen == keys) {
            __asm__("sti\nhlt");
            continue;
        }
        __asm__("sti");
        seen = keys;
        /* A key goes down and up. */
        vbe(9, (uint16_t)(seen / 2 % PICTURES * HEIGHT));
    }
}

/* --- text ------------------------------------------------------------------------------------ */

static char line_sign(uint32_t line, unsigned column)
{
    return (char)(32 + (line * 7 + column * (1 + line % 3)) % 94);
}

static void scroll_vga(uint32_t lines)
{
    uint32_t *screen = (uint32_t *)0xb8000;

    for (uint32_t line = 0; line < lines; line++) {
        for (unsigned i = 0; i < 24 * 40; i++) {
            screen[i] = screen[i + 40];
        }
        for (unsigned i = 0; i < 40; i++) {
            screen[24 * 40 + i] = 0x07000700u | (uint8_t)line_sign(line, 2 * i) |
                (uint32_t)(uint8_t)line_sign(line, 2 * i + 1) << 16;
        }
    }
}

static void put_serial(char c)
{
    while (!(in8(0x3fd) & 0x20)) {
    }
    out8(0x3f8, (uint8_t)c);
}

static void write_serial(uint32_t lines)
{
    for (uint32_t line = 0; line < lines; line++) {
        for (unsigned i = 0; i < 78; i++) {
            put_serial(line_sign(line, i));
        }
        put_serial('\r');
        put_serial('\n');
    }
}

void run(const uint32_t *info);

void run(const uint32_t *info)
{
    const char *words = (const char *)info[4], *at = words;
    uint32_t lines = 0;

    for (; *at; at++) {
        lines = *at >= '0' && *at <= '9' ? lines * 10 + (uint32_t)(*at - '0') : 0;
    }
    /* The name of the kernel comes first. */
    for (at = words; *at && *at != ' '; at++) {
    }
    if (at[1] == 'p') {
        show_pictures();
    }
    out8(0xe9, 'B');
    if (at[1] == 'v') {
        scroll_vga(lines);
    } else {
        write_serial(lines);
    }
    out8(0xe9, 'E');
}
