/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Annotations for ThreadSanitizer that need a state of their own. */
#include "base/sanitizer.h"

#include <stdbool.h>

#ifdef CONFIG_TSAN

/* In the sanitizer's library, without a header. */
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);

static __thread bool reading;

void sanitizer_guest_reads_begin(void)
{
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    reading = true;
}

void sanitizer_guest_reads_end(void)
{
    if (reading) {
        reading = false;
        AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
    }
}

#endif
