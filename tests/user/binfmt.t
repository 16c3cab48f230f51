#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that the kernel hands to the emulator by itself: registered by qemu-binfmt-conf.sh in a
# user namespace of this test's own, so that nothing else on the host sees it.
BUILD=$(cd "${BUILD:-build}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
conf=$here/../../tools/qemu-binfmt-conf.sh
binfmt=/proc/sys/fs/binfmt_misc
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT

if [ "${1:-}" != inside ]; then
    if ! unshare -U -r -m sh -c "mount -t binfmt_misc none $binfmt && [ -w $binfmt/register ]" 2>/dev/null
    then
        echo "1..0 # SKIP needs a kernel with binfmt_misc in user namespaces (6.7)"
        exit 0
    fi
    # As root, with all users, so that set-user-ID programs have someone to be.
    if [ "$(id -u)" = 0 ]; then
        mkfifo "$dir/go"
        unshare -U -m sh -c "read go; BUILD=$BUILD exec setpriv --reuid 0 --regid 0 --clear-groups \
            sh $here/binfmt.t inside" <"$dir/go" &
        exec 3>"$dir/go"
        child=$!
        while ! [ "$(readlink /proc/$child/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do
            sleep 0.02
        done
        echo "0 0 65534" >/proc/$child/uid_map
        echo "0 0 65534" >/proc/$child/gid_map
        echo go >&3
        wait $child
        exit
    fi
    BUILD=$BUILD exec unshare -U -r -m sh "$here/binfmt.t" inside
fi

n=0
ok() {      # status name
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}
is() {      # got want name
    [ "$1" = "$2" ]
    ok $? "$3"
    [ "$1" = "$2" ] || { echo "$1" | sed 's/^/# got /'; echo "$2" | sed 's/^/# want /'; }
}

mount -t binfmt_misc none $binfmt || exit 1
cp "$BUILD/qemu-i386" "$dir/qemu-i386-static"
q=$dir/qemu-i386-static
conf() { "$conf" --qemu-path "$dir" --qemu-suffix -static "$@"; }
mkdir -p "$dir/root/bin"
cat >"$dir/args.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    const char *name = strrchr((char *)getauxval(AT_EXECFN), '/');

    if (argc > 1 && strcmp(argv[1], "again") == 0) {
        argv[1] = "called";
        return execv((char *)getauxval(AT_EXECFN), argv + 1) ? 99 : 0;
    }
    for (int i = 0; i < argc; i++) {
        printf("%s ", argv[i]);
    }
    printf("%s %d %lu\n", name ? name + 1 : "", geteuid(), getauxval(AT_SECURE));
    return 7;
}
C
if ! cc -m32 -idirafter "/usr/include/$(cc -dumpmachine)" -static -O1 -o "$dir/root/bin/args" "$dir/args.c" 2>/dev/null; then
    echo "1..0 # SKIP the compiler cannot make programs of 32 bits"
    exit 0
fi
args=$dir/root/bin/args
# The host may run i386 itself: whether the emulator does is to be seen from its name.
is_emulated() { QEMU_STRACE=1 "$args" 2>&1 | grep -q 'write(1'; }

conf i386 >"$dir/out" 2>&1
ok $? "registers"
is "$(cat "$dir/out")" "qemu-i386: registered: $q, flags ''" "and says so"
is "$(conf i386)" "qemu-i386: was registered already: $q, flags ''" "and that it was before"
is_emulated
ok $? "the kernel starts the emulator"
is "$("$args" x 'y z')" "$args x y z args 0 0" "arguments"
"$args" >/dev/null
is $? 7 "status"
is "$(cd "$dir/root" && bin/args)" "bin/args args 0 0" "a relative path"

is "$(conf --preserve-argv0 yes i386)" \
    "qemu-i386: registered anew (its flags are ''): $q, flags 'P'" "flag P is one change"
is "$(perl -e 'exec { $ARGV[0] } "other", "x"' "$args")" "other x args 0 0" "P: the caller's argv[0]"
is "$("$args" again x)" "called x args 0 0" "P: of an exec in the program"

conf --credential yes i386 | grep -q "flags 'OC'"
ok $? "flags O and C"
chmod 111 "$args"
is "$("$args" x)" "$args x args 0 0" "O: a program that cannot be read"
chmod 755 "$args"
if chown 1234 "$args" 2>/dev/null && chmod 4755 "$args"; then
    is "$("$args")" "$args args 1234 1" "C: a set-user-ID program"
    is "$(QEMU_STRACE=1 QEMU_LOG_FILENAME=$dir/stolen "$args" 2>&1)" "$args args 1234 1" \
        "C: the variables of its caller are no options"
    chown 0 "$args"
    chmod 755 "$args"
else
    ok 0 "C: a set-user-ID program # SKIP needs root"
    ok 0 "C: the variables of its caller are no options # SKIP needs root"
fi

conf --persistent yes i386 | grep -q "flags 'F'"
ok $? "flag F"
is "$(chroot "$dir/root" /bin/args x)" "/bin/args x args 0 0" "F: in a chroot without the emulator"
is "$(chroot "$dir/root" /bin/args again x)" "/bin/args x args 0 0" "F: an exec there, without /proc"
mv "$q" "$dir/moved"
is "$("$args" x)" "$args x args 0 0" "F: the emulator's file is not needed any more"
is "$(conf --check i386)" "qemu-i386: enabled: $q, flags 'F'" "--check"
mv "$dir/moved" "$q"

conf i386 >/dev/null
rm "$q"
is "$(conf --check i386; echo $?)" "qemu-i386: enabled: $q, flags ''
qemu-i386: its interpreter is missing; install it or register anew
1" "--check of a missing emulator"
is "$(conf --remove i386)" "qemu-i386: removed" "--remove"
[ ! -e $binfmt/qemu-i386 ]
ok $? "it is gone"
is "$(conf --remove i386)" "qemu-i386: was not registered" "--remove again"
is "$(conf i386 2>&1)" "qemu-binfmt-conf.sh: qemu-i386: there is no $q; see --qemu-path and --qemu-suffix" \
    "no emulator"
is "$(conf pdp11 2>&1 | cut -c-38)" "qemu-binfmt-conf.sh: unknown CPU 'pdp1" "an unknown CPU"
is "$(conf --preserve-argv0 maybe 2>&1)" "qemu-binfmt-conf.sh: --preserve-argv0 needs 'yes' or 'no'" \
    "a wrong value"
is "$(conf --systemd i386 --exportdir "$dir")" "qemu-i386: wrote $dir/qemu-i386.conf" "--systemd"
cp "$BUILD/qemu-i386" "$q"
cat "$dir/qemu-i386.conf" >$binfmt/register && is_emulated
ok $? "the kernel takes what --systemd wrote"

echo "1..$n"
[ -z "$failed" ]
