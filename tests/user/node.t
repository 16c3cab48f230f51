#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A JIT runtime with workers (programs/node.js) prints the same as natively and does not hang;
# NODE_RUNS runs, 20 before a release. Skipped where there is no node of the host's own.
build=${BUILD:-build}
script=$(dirname "$0")/programs/node.js
runs=${NODE_RUNS:-1}
node=$(command -v node)
if [ -z "$node" ] || ! want=$("$node" "$script" 2>&1; [ $? = 7 ]); then
    echo "1..0 # SKIP node is not there or does not run the script"
    exit 0
fi

n=0
check() {       # name, wanted and real output with the status
    n=$((n + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        echo "$3" | tail -5 | sed 's/^/# /'
        failed=1
    fi
}

npm=$(command -v npm)
[ -z "$npm" ] || version=$("$npm" --version; echo "status $?")
for i in $(seq "$runs"); do
    got=$(timeout 120 "$build/qemu-x86_64" "$node" "$script" 2>&1; echo "status $?")
    check "script, run $i" "$want
status 7" "$got"
    [ -n "$npm" ] || continue
    got=$(timeout 120 "$build/qemu-x86_64" "$node" "$(readlink -f "$npm")" --version; echo "status $?")
    check "npm --version, run $i" "$version" "$got"
done
echo "1..$n"
[ -z "$failed" ]
