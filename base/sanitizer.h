/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ThreadSanitizer (configure --enable-tsan) cannot see by itself. Without it these are empty.
 */
#ifndef BASE_SANITIZER_H
#define BASE_SANITIZER_H

/* Of functions that handlers of asynchronous signals run: the sanitizer must not be entered again
   from within itself, where it may hold a lock. */
#ifdef CONFIG_TSAN
#define SANITIZER_SIGNAL __attribute__((no_sanitize("thread")))
#else
#define SANITIZER_SIGNAL
#endif

/* The calls that are under way on a thread, as the sanitizer keeps them. */
struct sanitizer_frames {
    void *own, *borrowed;
};

#ifdef CONFIG_TSAN
#include <stddef.h>
#include <sanitizer/tsan_interface.h>

void __tsan_func_exit(void *);

/* In a process that runs in this thread's memory and never returns from what it calls: a vfork()
   child shares the thread's storage, and its calls would be taken for the thread's own. The first
   thing in its first function. */
static inline void sanitizer_borrow_begin(struct sanitizer_frames *f)
{
    f->own = __tsan_get_current_fiber();
    f->borrowed = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(f->borrowed, 0);
}

/* In the thread, when the process has ended or runs something else. */
static inline void sanitizer_borrow_end(struct sanitizer_frames *f)
{
    if (f->borrowed) {
        __tsan_switch_to_fiber(f->own, 0);
        __tsan_destroy_fiber(f->borrowed);
        __tsan_func_exit(NULL);             /* of that first function */
    }
}

/* The guest's code may be changed by others while it is read. Ends also when nothing has begun. */
void sanitizer_guest_reads_begin(void);
void sanitizer_guest_reads_end(void);

#else

static inline void sanitizer_guest_reads_begin(void)
{
}

static inline void sanitizer_guest_reads_end(void)
{
}

static inline void sanitizer_borrow_begin(struct sanitizer_frames *f)
{
}

static inline void sanitizer_borrow_end(struct sanitizer_frames *f)
{
}

#endif
#endif
