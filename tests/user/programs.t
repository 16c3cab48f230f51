#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs of tests/user/programs, for both word sizes, do the same in the emulator as on the host;
# and how the emulator itself starts and ends.
BUILD=${BUILD:-build}
here=$(dirname "$0")/programs
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0

ok() {      # status name
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}

compare() {     # word-size arch program
    name=$(basename "$3" .c)
    if ! cc -m"$1" -idirafter "/usr/include/$(cc -dumpmachine)" -O1 -w -o "$dir/$name" "$3" -pthread -lm 2>"$dir/cc"; then
        n=$((n + 1))
        echo "ok $n - $name, $1 bits # SKIP the compiler cannot make programs of $1 bits"
        return
    fi
    timeout 5 "$dir/$name" a 'b c' >"$dir/want" 2>&1
    want=$?
    timeout 20 "$BUILD/qemu-$2" "$dir/$name" a 'b c' >"$dir/all" 2>&1
    status=$?
    grep -v '^qemu: uncaught target signal' "$dir/all" >"$dir/got"
    cmp -s "$dir/want" "$dir/got" && [ $status = $want ]
    ok $? "$name, $1 bits" || diff "$dir/want" "$dir/got" | sed 's/^/# /'
    if [ $status != $want ]; then echo "# status $status, on the host $want"; fi
    diff "$dir/want" "$dir/got" | head -5 | sed 's/^/# /'
}

for program in "$here"/*.c; do
    compare 64 x86_64 "$program"
    compare 32 i386 "$program"
done

q=$BUILD/qemu-x86_64

# status pattern arguments...: ends so, with one line on stderr that has the pattern
fails() {
    want=$1 pattern=$2; shift 2
    timeout 10 "$q" "$@" >"$dir/out" 2>"$dir/err"
    status=$?
    [ $status = "$want" ] && [ "$(wc -l <"$dir/err")" = 1 ] &&
        grep -q -e "^qemu-x86_64: .*$pattern" "$dir/err"
    ok $? "status $want: $*"
}

fails 127 "No such file.*check the path" "$dir/none"
fails 127 "nor is it below '$here'" -L "$here" "$dir/none"
fails 127 "PATH is not searched" true
fails 126 "not executable; see 'chmod +x'" "$here/memory.c"
cp "$here/memory.c" "$dir/text"
chmod +x "$dir/text"
fails 126 "not an ELF program.*run its interpreter" "$dir/text"
fails 126 "not a file" "$dir"
fails 1 "unknown option" -nonsense /bin/true
fails 1 "needs an argument" -L
fails 1 "no program" -strace
fails 1 "unable to find CPU model" -cpu nonsense /bin/true
printf '\177ELF\002\001\001' >"$dir/short"
chmod +x "$dir/short"
fails 126 "not an ELF program" "$dir/short"
head -c 4000 /bin/true >"$dir/cut"
chmod +x "$dir/cut"
fails 126 "cannot run" "$dir/cut"
printf '#!/none/sh\n' >"$dir/orphan"
chmod +x "$dir/orphan"
fails 127 "the script's interpreter: cannot run '/none/sh'" "$dir/orphan"
echo 'int main(void) { return 0; }' >"$dir/main.c"
cc -Wl,--dynamic-linker=/none/ld.so -o "$dir/alone" "$dir/main.c"
fails 127 "interpreter '/none/ld.so' is missing; give.*-L" "$dir/alone"
# machine pattern: a program of another machine, by the two bytes of its header
other() {
    head -c 18 /bin/true >"$dir/other"
    printf "$1" >>"$dir/other"
    tail -c +21 /bin/true >>"$dir/other"
    chmod +x "$dir/other"
    fails 126 "$2" "$dir/other"
}
other '\267\0' "a program for aarch64, use qemu-aarch64"
other '\3\0' "a program for i386, use qemu-i386"
other '\371\377' "machine number 65529.*use the qemu of that machine"

out=$("$q" -E A=1 -U HOME -0 name /bin/sh -c 'echo "$0 $A $HOME"' x)
[ "$out" = "x 1 " ]
ok $? "-E and -U change the environment"
printf '#!/bin/echo  one two \n' >"$dir/script"
chmod +x "$dir/script"
out=$("$q" "$dir/script" three)
[ "$out" = "one two $dir/script three" ]
ok $? "a script runs by its interpreter"
"$q" /bin/sh -c 'exit 42'
[ $? = 42 ]
ok $? "the program's exit status"

# signal number line: dies of the program's signal and says no more than this on stderr
dies() {
    (ulimit -c 0; exec timeout 10 "$q" /bin/sh -c "kill -$1 \$\$; sleep 5") 2>"$dir/err"
    [ $? = $((128 + $2)) ] && [ "$(cat "$dir/err")" = "$3" ]
    ok $? "dies of SIG$1"
}
dies TERM 15 "" 2>/dev/null
dies KILL 9 "" 2>/dev/null
dies USR1 10 "" 2>/dev/null
dies SEGV 11 "qemu: uncaught target signal 11 (Segmentation fault) - core dumped" 2>/dev/null
dies ABRT 6 "qemu: uncaught target signal 6 (Aborted) - core dumped" 2>/dev/null
dies FPE 8 "qemu: uncaught target signal 8 (Floating point exception) - core dumped" 2>/dev/null

out=$("$q" /bin/sh -c 'sh -c "echo \$0-\$1" x y; /bin/cat /proc/self/comm' 2>&1)
[ "$(echo "$out" | head -1)" = "x-y" ]
ok $? "programs start programs"
out=$(QEMU_CPU=qemu64 "$q" /bin/echo fine)
[ "$out" = fine ]
ok $? "QEMU_CPU"
"$q" -version | grep -q '^qemu-x86_64 version'
ok $? "-version"
"$q" -h | grep -q -e '-strace'
ok $? "-h"

echo "1..$n"
[ -z "$failed" ]
