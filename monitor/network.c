/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor commands about networks. */
#include "base/keyval.h"
#include "monitor/hmp.h"
#include "net.h"

void hmp_info_network(struct monitor *mon, struct hmp_args *args)
{
    net_print(mon->out);
}

void hmp_info_usernet(struct monitor *mon, struct hmp_args *args)
{
    net_print_user(mon->out);
}

void hmp_set_link(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    bool up;

    if (!parse_bool(hmp_text(args, "up"), &up)) {
        error_set(&err, "set_link takes on or off");
    } else {
        net_set_link(hmp_text(args, "name"), up, &err);
    }
    hmp_report(mon, err);
}

static void forward(struct monitor *mon, struct hmp_args *args, bool add)
{
    bool named = hmp_given(args, "arg2");
    struct error *err = NULL;

    net_host_forward(named ? hmp_text(args, "arg1") : NULL,
                     hmp_text(args, named ? "arg2" : "arg1"), add, &err);
    hmp_report(mon, err);
}

void hmp_hostfwd_add(struct monitor *mon, struct hmp_args *args)
{
    forward(mon, args, true);
}

void hmp_hostfwd_remove(struct monitor *mon, struct hmp_args *args)
{
    forward(mon, args, false);
}
