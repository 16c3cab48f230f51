/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer target: what is parsed is written, and reads back as the same text. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct json *value)
{
    char *first = json_write(value, false), *second;
    struct json *again = json_parse(first, strlen(first), NULL);

    if (!again) {
        abort();
    }
    second = json_write(again, false);
    if (strcmp(first, second) != 0) {
        abort();
    }
    json_free(again);
    g_free(first);
    g_free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_stream *stream = json_stream_create(65536);
    size_t piece = size ? 1 + data[0] : 1;

    for (size_t at = 0; at < size; at += piece) {
        struct error *err = NULL;
        struct json *value;

        json_stream_add(stream, data + at, MIN(piece, size - at));
        while ((value = json_stream_next(stream, &err)) || err) {
            if (value) {
                check(value);
            }
            json_free(value);
            error_free(err);
            err = NULL;
        }
    }
    json_stream_free(stream);
    return 0;
}
