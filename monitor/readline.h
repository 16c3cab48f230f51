/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line editing on any character device, with history and completion. */
#ifndef MONITOR_READLINE_H
#define MONITOR_READLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct readline;

struct readline_ops {
    void (*write)(void *opaque, const char *text, size_t size);
    void (*line)(void *opaque, const char *text);
    /* Calls readline_add_completion() for every word that could stand at the end of `text`. */
    void (*complete)(void *opaque, struct readline *rl, const char *text);
};

/* `prompt` and `ops` must stay. */
struct readline *readline_create(const struct readline_ops *ops, void *opaque, const char *prompt);
void readline_free(struct readline *rl);
void readline_input(struct readline *rl, uint8_t byte);
/* Asks for one line that is neither shown nor remembered. `prompt` must stay. */
void readline_ask_secret(struct readline *rl, const char *prompt);
/* Shows the prompt and what is typed so far. */
void readline_show(struct readline *rl);
/* `word` begins with the word at the cursor; more typing may follow if `partial` (a folder). */
void readline_add_completion(struct readline *rl, const char *word, bool partial);
/* The last word of a text: where completion starts. */
const char *readline_last_word(const char *text);
/* Entry n, oldest first; NULL at the end. */
const char *readline_history(const struct readline *rl, size_t n);

#endif
