#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs each program of syscalls/ natively and emulated; every line of output is a test.
dir=$(dirname "$0")/syscalls
build=${BUILD:-$(dirname "$0")/../../build}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0
for bits in 64 32; do
    [ $bits = 64 ] && qemu=$build/qemu-x86_64 || qemu=$build/qemu-i386
    for source in "$dir"/*.c; do
        name=$(basename "$source" .c)-$bits
        if ! ${CC:-cc} -m$bits -idirafter "/usr/include/$(${CC:-cc} -dumpmachine)" -O1 -w -D_GNU_SOURCE -static -pthread -o "$tmp/$name" "$source" \
            -lutil -lrt 2>/dev/null || ! timeout 20 "$tmp/$name" >"$tmp/native" 2>&1 </dev/null; then
            n=$((n + 1))
            echo "ok $n - $name # SKIP does not build or run natively"
            continue
        fi
        timeout 20 "$qemu" "$tmp/$name" >"$tmp/all" 2>&1 </dev/null
        echo "exit $?" >>"$tmp/all"
        grep -v '^qemu: uncaught target signal' "$tmp/all" >"$tmp/emulated"
        echo "exit 0" >>"$tmp/native"
        awk -v n=$n -v name="$name" '
            NR == FNR { want[++lines] = $0; next }
            { got[++seen] = $0 }
            END {
                for (i = 1; i <= lines || i <= seen; i++) {
                    same = i <= lines && i <= seen && want[i] == got[i]
                    printf "%sok %d - %s: %s\n", same ? "" : "not ", ++n, name, want[i]
                    if (!same) { print "# got " got[i] }
                }
            }' "$tmp/native" "$tmp/emulated" | sed 's/#\([^ ]\)/\1/g' >"$tmp/tap"
        cat "$tmp/tap"
        n=$((n + $(grep -c '^\(not \)\?ok' "$tmp/tap")))
    done
done
echo "1..$n"
