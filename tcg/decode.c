/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disassembly from a .decode file's rows: plain, but complete. */
#include "tcg/decode.h"

#include <string.h>

void decode_print(FILE *out, const struct decode_row *row, const int *args)
{
    const char *name = row->args;

    fprintf(out, "%s", row->name);
    for (unsigned i = 0; i < row->n_args; i++) {
        int len = (int)strcspn(name, " ");

        fprintf(out, "%s%.*s=%d", i ? ", " : " ", len, name, args[i]);
        name += len + (name[len] == ' ');
    }
}
