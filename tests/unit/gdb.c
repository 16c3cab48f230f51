/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of gdb's protocol, good and malformed, on a process that does not exist. */
#include <stdio.h>

#include "tests/gdb/fake.h"
#include "tests/tap.h"

static struct gdb *g;

/* The data of the last packet sent; "" when there is none. */
static const char *last(void)
{
    static char text[1 << 16];
    char *start = NULL, *end;

    for (char *at = fake_out; (at = memchr(at, '$', fake_out + fake_out_size - at)); at++) {
        start = at;
    }
    if (!start) {
        return "";
    }
    end = strchr(start, '#');
    snprintf(text, sizeof(text), "%.*s", (int)(end - start - 1), start + 1);
    return text;
}

static const char *ask(const char *packet)
{
    fake_out_size = 0;
    fake_out[0] = 0;
    fake_packet(g, packet, strlen(packet));
    return last();
}

static void expect(const char *packet, const char *reply)
{
    const char *got = ask(packet);

    ok(strcmp(got, reply) == 0, "%.60s: %.60s", packet, reply);
    if (strcmp(got, reply) != 0) {
        printf("# got %.200s\n", got);
    }
}

static void raw(const char *bytes, const char *want, const char *what)
{
    fake_out_size = 0;
    fake_out[0] = 0;
    gdb_input(g, bytes, strlen(bytes));
    ok(strcmp(fake_out, want) == 0, "%s", what);
    if (strcmp(fake_out, want) != 0) {
        printf("# got %.200s\n", fake_out);
    }
}

static void test_frames(void)
{
    char *long_packet = malloc(40000);

    raw("$?#3f", "+$T05thread:01;#07", "a packet is acknowledged and answered");
    raw("-", "$T05thread:01;#07", "- has the answer sent again");
    raw("+-", "", "but not after +");
    raw("$?#3e", "-", "a wrong sum is refused");
    raw("$?#xx", "-", "so is none at all");
    raw("$?#3", "", "half a sum waits");
    raw("f", "+$T05thread:01;#07", "for the rest");
    raw("noise#00}}$qC$?#3f", "+$T05thread:01;#07", "noise and cut packets are passed over");
    raw("$#00", "+$#00", "an empty packet is not known");
    raw("\3", "", "an interrupt that nobody waits for");
    memset(long_packet, 'm', 39999);
    long_packet[39999] = 0;
    expect(long_packet, "E16");
    free(long_packet);
    raw("$QStartNoAckMode#b0", "+$OK#9a", "acknowledgements can be turned off");
    raw("$?#3f", "$T05thread:01;#07", "and are");
    raw("$?#3e", "", "a wrong sum is then passed over");
    raw("-", "", "and nothing sent again");
    gdb_reset(g);
}

static void test_registers(void)
{
    fake_envs[0].regs[1] = 0x12345678;
    expect("g", "0000000078563412000000000000000000100000");
    expect("p1", "78563412");
    expect("p4", "00100000");
    expect("p5", "E16");
    expect("pffffffffffffffff", "E16");
    expect("p11111111111111111", "E16");
    expect("p", "E16");
    expect("P1=ddccbbaa", "OK");
    expect("p1", "ddccbbaa");
    expect("P1=ddccbb", "E16");
    expect("P1=ddccbbaa0", "E16");
    expect("P9=ddccbbaa", "E16");
    expect("P=", "E16");
    expect("G0102", "E16");
    expect("G01000000020000000300000004000000", "OK");
    expect("g", "0100000002000000030000000400000000100000");
    expect("Gzz", "E16");
}

static void test_memory(void)
{
    char text[200];

    expect("m1000,4", "00010203");
    expect("m1fff,2", "ff00");
    expect("m2ffe,8", "feff");
    expect("m3000,1", "E0e");
    expect("mffffffffffffffff,ffffffffffffffff", "E0e");
    expect("m1000,0", "");
    expect("m", "E16");
    expect("m1000", "E16");
    expect("m,4", "E16");
    expect("m1000,", "E16");
    expect("m1000,4x", "E16");
    ok(strlen(ask("m1000,ffffffff")) >= 0x2000, "a long read is cut to what fits");
    expect("M1000,2:abcd", "OK");
    expect("m1000,2", "abcd");
    expect("M1000,2:abc", "E16");
    expect("M1000,2:abcdef", "E16");
    expect("M1000,ffffffffffffffff:00", "E16");
    expect("M3000,1:00", "E0e");
    expect("M1000,0:", "OK");
    expect("X1000,3:a}\3c", "OK");
    expect("m1000,3", "612363");
    expect("X1000,0:", "OK");
    expect("X1000,4:abc", "E16");
    expect("X1000,1:abc", "E16");
    memset(fake_memory, 0, 16);
    expect("qCRC:1000,4", "Cc704dd7b");
    expect("qCRC:1000,ffffffffff", "E16");
    expect("qCRC:3000,4", "E0e");
    snprintf(text, sizeof(text), "m%0100x,1", 0x1000);
    expect(text, "00");
}

static void test_points(void)
{
    char text[64];
    bool good = true;

    expect("Z0,1000,1", "OK");
    expect("Z0,1000,1", "OK");
    ok(cpu_breakpoint_at(0x1000), "inserted");
    expect("z0,1000,1", "OK");
    ok(!cpu_breakpoint_at(0x1000), "removed, though inserted twice");
    expect("z0,1000,1", "OK");
    expect("Z1,1000,1", "OK");
    expect("Z0,1000,1", "OK");
    expect("z1,1000,1", "OK");
    ok(cpu_breakpoint_at(0x1000), "one of each kind: the other stays");
    for (const char *const *p = (const char *const[]){ "Z", "Z0", "Z0,", "Z0,1000", "Z0,1000,",
             "Z5,1000,1", "Zx,1000,1", "Z0,1000,1;X1,00", "z9,0,0", NULL }; *p; p++) {
        expect(*p, "E16");
    }
    expect("Z2,1000,0", "E1c");
    expect("Z2,fffffffffffffff0,20", "OK");
    for (unsigned i = 0; i < 63; i++) {
        snprintf(text, sizeof(text), "Z%u,%x,4", 2 + i % 3, 0x1000 + 4 * i);
        good &= strcmp(ask(text), "OK") == 0;
    }
    ok(good, "64 watchpoints");
    expect("Z2,2000,4", "E1c");
    good = true;
    for (unsigned i = 0; i < 4096 - 65; i++) {
        snprintf(text, sizeof(text), "Z0,%x,1", 0x5000 + 7919 * i);
        good &= strcmp(ask(text), "OK") == 0;
    }
    ok(good, "thousands of breakpoints");
    expect("Z0,4,1", "E1c");
    cpu_debug_apply();
    ok(cpu_breakpoint_count == 4096 - 64, "all compiled in");
    gdb_reset(g);
    cpu_debug_apply();
    ok(!cpu_breakpoint_count && !cpu_watchpoint_count, "a new connection begins without any");
}

static void stop(unsigned thread, int signal)
{
    fake_out_size = 0;
    gdb_report_stop(g, &fake_cpus[thread], signal);
}

/* What each of the three threads is to do. */
static const char *plan(void)
{
    static char text[FAKE_THREADS + 1];

    for (unsigned i = 0; i < FAKE_THREADS; i++) {
        text[i] = fake_cpus[i].debug.held ? '-' : fake_cpus[i].debug.step ? 's' : 'c';
    }
    return text;
}

static void resumes(const char *packet, const char *want)
{
    unsigned before = fake_resumes;

    ask(packet);
    ok(fake_resumes == before + 1 && strcmp(plan(), want) == 0 && !*last(), "%s: %s", packet, want);
    stop(0, GDB_SIGNAL_TRAP);
}

static void test_resuming(void)
{
    char text[1024] = "vCont";
    unsigned before = fake_resumes;

    expect("vCont?", "vCont;c;C;s;S;t;r");
    resumes("c", "ccc");
    resumes("c2000", "ccc");
    ok(fake_envs[0].pc == 0x2000, "at another address");
    resumes("s", "scc");
    resumes("C0a", "ccc");
    ok(fake_signal == 7, "a signal, by gdb's number");
    resumes("S1e;1000", "scc");
    ok(fake_signal == 10 && fake_envs[0].pc == 0x1000, "a signal and an address");
    resumes("vCont;c", "ccc");
    resumes("vCont;s:2;c", "csc");
    resumes("vCont;s:p2a.3", "--s");
    resumes("vCont;t:1;s:-1", "-ss");
    resumes("vCont;c:p2a.-1", "ccc");
    resumes("vCont;r1000,1010:1;c", "scc");
    ok(fake_cpus[0].debug.range_end == 0x1010, "stepping through a range");
    resumes("vCont;C0b:2", "-c-");
    for (const char *const *p = (const char *const[]){ "vCont;", "vCont;x", "vCont;c:", "vCont;C",
             "vCont;Cfff", "vCont;r1", "vCont;r1,", "vCont;s;", "vContc", "cx", "C", "Czz", "s1x",
             NULL }; *p; p++) {
        expect(*p, "E16");
    }
    for (unsigned i = 0; i < 65; i++) {
        strcat(text, ";s:1");
    }
    expect(text, "E16");
    expect("vCont;c:9", "E03");
    expect("vCont;c:p9.-1", "E03");
    ok(fake_resumes == before + 12, "none of these lets anything run");
}

static void test_stops(void)
{
    ask("c");
    fake_cpus[1].debug.stop = CPU_STOP_WATCH;
    fake_cpus[1].debug.watch_access = CPU_WATCH_READ | CPU_WATCH_WRITE;
    fake_cpus[1].debug.watch_addr = 0x1234;
    stop(1, GDB_SIGNAL_TRAP);
    ok(strcmp(last(), "T05thread:02;awatch:1234;") == 0, "a watchpoint: %s", last());
    expect("?", "T05thread:02;awatch:1234;");
    expect("qC", "QC02");
    fake_cpus[1].debug.stop = CPU_STOP_NONE;
    fake_out_size = 0;
    gdb_report_stop(g, &fake_cpus[0], GDB_SIGNAL_TRAP);
    ok(fake_out_size == 0, "a stop that gdb does not wait for is not sent");
    ask("qSupported:multiprocess+;swbreak+;hwbreak+;fork-events+;x=1;;");
    ok(strstr(last(), "PacketSize=4000;") && strstr(last(), ";multiprocess+") &&
       strstr(last(), ";fork-events+") && !strstr(last(), "exec-events"), "what both sides know");
    ask("Z0,1000,1");
    ask("vCont;c");
    fake_envs[2].pc = 0x1000;
    fake_cpus[2].debug.stop = CPU_STOP_BREAK;
    stop(2, GDB_SIGNAL_TRAP);
    ok(strcmp(last(), "T05thread:p2a.03;swbreak:;") == 0, "a breakpoint: %s", last());
    ask("c");
    fake_out_size = 0;
    gdb_input(g, "\3", 1);
    ok(fake_interrupts == 2 && strcmp(last(), "T02thread:p2a.01;") == 0, "^C");
    ask("c");
    fake_out_size = 0;
    gdb_report_fork(g, &fake_cpus[0], 0x55);
    ok(strcmp(last(), "T05thread:p2a.01;fork:p55.55;") == 0, "a fork: %s", last());
    ask("c");
    fake_out_size = 0;
    gdb_report_exec(g, &fake_cpus[0], "/bin/x");
    ok(strcmp(last(), "T05thread:p2a.01;exec:2f62696e2f78;") == 0, "an exec: %s", last());
    ask("c");
    ask("g");
    ok(fake_stops > 0, "a packet while it runs stops it");
    fake_out_size = 0;
    gdb_report_exit(g, false, 3);
    ok(strcmp(last(), "W03;process:2a") == 0, "the end: %s", last());
    gdb_reset(g);
}

static void test_queries(void)
{
    char whole[4096] = "", piece[64];
    const char *description;

    expect("qfThreadInfo", "m01,02,03");
    expect("qsThreadInfo", "l");
    expect("T1", "OK");
    expect("T4", "E03");
    expect("Tp2a.2", "OK");
    expect("Tp1.2", "E03");
    expect("Tzz", "E03");
    expect("Hg2", "OK");
    expect("qC", "QC02");
    expect("Hg9", "E03");
    expect("Hc-1", "OK");
    expect("Hx1", "E16");
    expect("H", "E16");
    expect("Hgp2a.0", "OK");
    expect("qThreadExtraInfo,2", "746872656164203c313e");
    expect("qThreadExtraInfo,", "E03");
    expect("qAttached", "0");
    expect("qRcmd,68656c70", "OK");
    ok(strstr(fake_out, "$O796f75") != NULL, "the monitor's answer comes first");
    expect("qRcmd,6", "E16");
    expect("qRcmd,6x", "E16");
    expect("qXfer:auxv:read::0,100", "lauxv");
    expect("qXfer:auxv:read::1,2", "mux");
    expect("qXfer:auxv:read::4,2", "l");
    expect("qXfer:auxv:read::5,2", "E16");
    expect("qXfer:auxv:read::ffffffffffffffff,ffffffffffffffff", "E16");
    expect("qXfer:auxv:read::0", "E16");
    expect("qXfer:auxv:read:", "E00");
    expect("qXfer:siginfo:read::0,10", "E00");
    expect("qXfer:exec-file:read:2a:0,100", "lexec-file");
    expect("qXfer:features:read:other.xml:0,100", "E00");
    description = ask("qXfer:features:read:target.xml:0,3000");
    ok(description[0] == 'l' && strstr(description, "<reg name=\"pc\""), "the description");
    strcpy(whole, description + 1);
    for (size_t at = 0, n = strlen(whole); at < n; at += 16) {
        snprintf(piece, sizeof(piece), "qXfer:features:read:target.xml:%zx,10", at);
        if (strncmp(ask(piece) + 1, whole + at, 16) != 0) {
            whole[0] = 0;
            break;
        }
    }
    ok(whole[0], "the same in pieces");
    ok(strstr(ask("qXfer:threads:read::0,1000"), "name=\"thread &#60;1&#62;\"") != NULL ||
       strstr(last(), "&}\003") != NULL, "names of threads are quoted");
    expect("qSomething", "");
    expect("QSomething", "");
    expect("QPassSignals:e;14;zz", "OK");
    ok(gdb_passes_signal(g, 14) && gdb_passes_signal(g, 17) && !gdb_passes_signal(g, 11),
       "signals to be passed, by gdb's numbers");
    expect("QCatchSyscalls:1;1;e7", "OK");
    ok(gdb_catches_call(g, 0xe7) && !gdb_catches_call(g, 2), "system calls by number");
    expect("QCatchSyscalls:1", "OK");
    ok(gdb_catches_call(g, 2), "all of them");
    expect("QCatchSyscalls:0", "OK");
    ok(!gdb_catches_call(g, 2), "none");
    expect("QCatchSyscalls:2", "E16");
    expect("QCatchSyscalls:1;", "E16");
    expect("qqemu.sstepbits", "");
    expect("vMustReplyEmpty", "");
    expect("vFile:open:2f,1,0", "F-1,1e");
    expect("vFile:open:2f", "F-1,16");
    expect("vFile:open:2f62,0,0", "F0");
    expect("vFile:pread:0,10,0", "F0;");
    expect("vFile:pread:0,10,ffffffffffffffff", "F-1,16");
    expect("vFile:pread:7,10,0", "F-1,9");
    expect("vFile:close:0", "F0");
    expect("vFile:close:0", "F-1,9");
    expect("vFile:readlink:2", "F-1,16");
}

static void test_ends(void)
{
    ask("Z0,1000,1");
    expect("D", "OK");
    cpu_debug_apply();
    ok(fake_detaches == 1 && !cpu_breakpoint_count, "detaching leaves no breakpoint");
    ask("k");
    expect("vKill;2a", "OK");
    ok(fake_kills == 2, "kill");
}

int main(void)
{
    g = fake_create();
    test_frames();
    test_registers();
    test_memory();
    test_points();
    test_resuming();
    test_stops();
    test_queries();
    test_ends();
    gdb_free(g);
    return tap_done();
}
