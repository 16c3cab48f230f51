/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the VMware SVGA II adapter: registers, the command queue, what its files share. */
#ifndef HW_DISPLAY_SVGA_H
#define HW_DISPLAY_SVGA_H

#include "hw/display/vga-core.h"
#include "hw/pci/pci.h"

#define SVGA_FIFO_SIZE 0x40000
#define SVGA_MAX_WIDTH 2560
#define SVGA_MAX_HEIGHT 1600
#define SVGA_SCRATCH 64
#define SVGA_CURSOR_MAX 64

/* The first words of the queue. */
enum {
    FIFO_MIN, FIFO_MAX, FIFO_NEXT, FIFO_STOP, FIFO_CAPABILITIES, FIFO_FLAGS, FIFO_FENCE,
    FIFO_PITCHLOCK = 8, FIFO_CURSOR_ON, FIFO_CURSOR_X, FIFO_CURSOR_Y, FIFO_CURSOR_COUNT,
    FIFO_FENCE_GOAL = 289, FIFO_BUSY = 290, FIFO_REGISTERS
};
enum { IRQ_ANY_FENCE = 1, IRQ_PROGRESS = 2, IRQ_FENCE_GOAL = 4 };

struct svga_state {
    struct vga_state vga;
    uint32_t index, id, width, height, guest, pitch_lock, irq_mask, irq_status;
    uint32_t scratch[SVGA_SCRATCH];
    bool enabled, configured;
    uint32_t cursor_x, cursor_y, cursor_on, cursor_count;
    uint32_t cursor_width, cursor_height, hot_x, hot_y;     /* 0: no picture yet */
    uint32_t cursor[SVGA_CURSOR_MAX * SVGA_CURSOR_MAX];     /* a8r8g8b8 */
};

struct svga {
    struct pci_device pci;
    struct vga vga;
    struct svga_state s;
    uint32_t memory_mb;
    struct memory_region fifo;
    uint32_t *queue;                /* shared with the guest's processors */
    bool cursor_changed, cursor_moved;
};

/* svga.c */
void svga_update_irq(struct svga *v);
/* Bytes of a line. */
uint32_t svga_pitch(const struct svga *v);

/* svga-fifo.c: runs what is in the queue */
void svga_run_fifo(struct svga *v);
uint32_t svga_fifo_word(const struct svga *v, unsigned index);
void svga_set_fifo_word(struct svga *v, unsigned index, uint32_t value);

/* svga-cursor.c: pictures out of words of the queue */
void svga_define_cursor(struct svga *v, const uint32_t *words);
void svga_define_alpha_cursor(struct svga *v, const uint32_t *words);
/* Words of data behind the header; 0xffffffff when the cursor is too large. */
uint32_t svga_cursor_words(const uint32_t *header, bool alpha);
void svga_update_cursor(struct svga *v);

#endif
