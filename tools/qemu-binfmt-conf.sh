#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Tells the kernel to run programs of other processors with qemu-<cpu>, checks that it took it, and
# says for each what was done. See --help.
set -eu

me=$(basename "$0")
dir=${BINFMT_DIR:-/proc/sys/fs/binfmt_misc}
path=/usr/local/bin suffix='' credential=no persistent=no argv0=no action=register export='' family=skip
cpus=

# name, machine number, class (1: 32 bits), byte order (1: little), family
table="
i386 3 1 1 i386
i486 6 1 1 i386
x86_64 62 2 1 i386
arm 40 1 1 arm
armeb 40 1 2 arm
aarch64 183 2 1 arm
aarch64_be 183 2 2 arm
"

usage() {
    cat <<TEXT
Usage: $me [options] [CPU...]
Registers qemu-<cpu> for the programs of each CPU: all that are installed, but not the host's own.
  --qemu-path DIR            where the emulators are [$path]
  --qemu-suffix TEXT         what follows their names, as -static
  --persistent yes|no        flag F: open the emulator now, so that it works in every chroot and
                             container [$persistent]
  --credential yes|no        flags O, C: set-user-ID programs get their rights [$credential]
  --preserve-argv0 yes|no    flag P: programs see argv[0] as their caller gave it [$argv0]
  --ignore-family yes|no     also the host's own kind of programs [no]
  --check                    only tell what is registered; status 1 when something is wrong
  --remove                   take registrations away
  --systemd CPU|ALL          write files for systemd-binfmt instead
  --debian                   write templates for update-binfmts instead
  --exportdir DIR            where these two go [/etc/binfmt.d, /usr/share/binfmts]
TEXT
}

fail() { echo "$me: $*" >&2; exit 1; }

yes_or_no() {
    case ${2:-} in
    yes|no) echo "$2" ;;
    *) fail "$1 needs 'yes' or 'no'" ;;
    esac
}

while [ $# -gt 0 ]; do
    opt=$1
    case $opt in
    --*=*) val=${opt#*=} opt=${opt%%=*}; shift; set -- "$opt" "$val" "$@" ;;
    esac
    n=2
    case $opt in
    --qemu-path) path=${2:?$opt needs a folder} ;;
    --qemu-suffix) suffix=${2?$opt needs a text} ;;
    --persistent|-p) persistent=$(yes_or_no "$opt" "${2:-}") ;;
    --credential|-c) credential=$(yes_or_no "$opt" "${2:-}") ;;
    --preserve-argv0) argv0=$(yes_or_no "$opt" "${2:-}") ;;
    --ignore-family) [ "$(yes_or_no "$opt" "${2:-}")" = no ] || family=use ;;
    --systemd) action=systemd; [ "${2:?$opt needs a CPU or ALL}" = ALL ] || cpus="$cpus $2" ;;
    --debian) action=debian n=1 ;;
    --exportdir) export=${2:?$opt needs a folder} ;;
    --check) action=check n=1 ;;
    --remove) action=remove n=1 ;;
    --help|-h) usage; exit 0 ;;
    -*) fail "unknown option '$1'; see --help" ;;
    *) cpus="$cpus $1" n=1 ;;
    esac
    shift $n
done

host_family() {
    case $(uname -m) in
    i?86|x86_64) echo i386 ;;
    arm*|aarch64*) echo arm ;;
    *) uname -m ;;
    esac
}

# The row of a CPU in name, machine, class, order, kind; false: there is none
find_cpu() {
    row=$(echo "$table" | grep "^$1 ") || return 1
    set -- $row
    name=$1 machine=$2 class=$3 order=$4 kind=$5
}

emulator() {
    # i486 files are run by the same program as i386.
    [ "$1" = i486 ] && set -- i386
    echo "$path/qemu-$1$suffix"
}

# As \x.. bytes: identification, type (any program), machine
magic() {
    if [ "$order" = 1 ]; then tail=$(printf '\\x02\\x00\\x%02x\\x00' "$machine")
    else tail=$(printf '\\x00\\x02\\x00\\x%02x' "$machine"); fi
    printf '\\x7f\\x45\\x4c\\x46\\x%02x\\x%02x\\x01' "$class" "$order"
    printf '%s%s\n' '\x00\x00\x00\x00\x00\x00\x00\x00\x00' "$tail"
}

# Executables and position-independent ones, of every OS ABI
mask() {
    type='\xfe\xff'
    [ "$order" = 1 ] || type='\xff\xfe'
    printf '%s%s%s\n' '\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00' "$type" '\xff\xff'
}

flags() {
    f=
    [ $argv0 = no ] || f=${f}P
    [ $credential = no ] || f=${f}OC
    [ $persistent = no ] || f=${f}F
    echo "$f"
}

plain() { echo "$1" | sed 's/\\x//g'; }
field() { sed -n "s/^$1:\\{0,1\\} //p" "$dir/qemu-$name"; }

# What is wrong with the registration of $name; nothing: it is as asked for
differences() {
    [ "$(head -n 1 "$dir/qemu-$name")" = enabled ] || echo "it is disabled"
    [ "$(field interpreter)" = "$emu" ] || echo "its interpreter is $(field interpreter)"
    [ "$(field magic)" = "$(plain "$(magic)")" ] || echo "its magic is $(field magic)"
    [ "$(field mask)" = "$(plain "$(mask)")" ] || echo "its mask is $(field mask)"
    [ "$(field flags | fold -w1 | sort | tr -d '\n')" = \
        "$(flags | fold -w1 | sort | tr -d '\n')" ] || echo "its flags are '$(field flags)'"
}

say() { echo "qemu-$name: $*"; }

check_kernel() {
    if [ ! -e "$dir/register" ] && ! mount -t binfmt_misc binfmt_misc "$dir" 2>/dev/null; then
        fail "there is no $dir; load it with 'modprobe binfmt_misc' and" \
            "'mount -t binfmt_misc binfmt_misc $dir', as root"
    fi
    [ "$1" = read ] || [ -w "$dir/register" ] || fail "$dir cannot be written; run this as root"
}

check_emulator() {
    [ -x "$emu" ] || fail "qemu-$name: there is no $emu; see --qemu-path and --qemu-suffix"
    "$emu" -version >/dev/null 2>&1 || fail "qemu-$name: $emu does not run on this system"
}

register() {
    check_emulator
    done=registered
    if [ -e "$dir/qemu-$name" ]; then
        wrong=$(differences)
        # An opened emulator may have been replaced since, so that it is opened anew.
        [ -n "$wrong" ] || [ $persistent = yes ] ||
            { say "was registered already: $emu, flags '$(flags)'"; return; }
        echo -1 >"$dir/qemu-$name"
        done="registered anew${wrong:+ ($(echo $wrong))}"
    fi
    printf ':qemu-%s:M::%s:%s:%s:%s' "$name" "$(magic)" "$(mask)" "$emu" "$(flags)" >"$dir/register" ||
        fail "qemu-$name: the kernel refuses the registration of $emu with flags '$(flags)'"
    [ -e "$dir/qemu-$name" ] || fail "qemu-$name: the kernel did not keep the registration"
    wrong=$(differences)
    [ -z "$wrong" ] || fail "qemu-$name: the registration is not what was asked for: $wrong"
    say "$done: $emu, flags '$(flags)'"
}

check() {
    if [ ! -e "$dir/qemu-$name" ]; then
        say "is not registered"
        status=1
        return
    fi
    say "$(head -n 1 "$dir/qemu-$name"): $(field interpreter), flags '$(field flags)'"
    case $(field flags) in
    *F*) ;;
    *) [ -x "$(field interpreter)" ] ||
        { say "its interpreter is missing; install it or register anew"; status=1; } ;;
    esac
    [ "$(head -n 1 "$dir/qemu-$name")" = enabled ] || status=1
}

remove() {
    if [ -e "$dir/qemu-$name" ]; then
        echo -1 >"$dir/qemu-$name"
        [ ! -e "$dir/qemu-$name" ] || fail "qemu-$name: the kernel keeps the registration"
        say "removed"
    else
        say "was not registered"
    fi
}

write_systemd() {
    file=${export:-/etc/binfmt.d}/qemu-$name.conf
    printf ':qemu-%s:M::%s:%s:%s:%s\n' "$name" "$(magic)" "$(mask)" "$emu" "$(flags)" >"$file" ||
        fail "cannot write $file; see --exportdir"
    say "wrote $file"
}

write_debian() {
    file=${export:-/usr/share/binfmts}/qemu-$name
    cat >"$file" <<TEXT || fail "cannot write $file; see --exportdir"
package qemu-user
interpreter $emu
magic $(magic)
mask $(mask)
credentials $credential
preserve $argv0
fix_binary $persistent
TEXT
    say "wrote $file"
}

status=0
named=$cpus
[ -n "$cpus" ] || cpus=$(echo "$table" | cut -d' ' -f1)
for cpu in $cpus; do
    find_cpu "$cpu" || fail "unknown CPU '$cpu'; known are:" $(echo "$table" | cut -d' ' -f1)
done
case $action in
check) check_kernel read ;;
register|remove) check_kernel write ;;
esac
any=no
for cpu in $cpus; do
    find_cpu "$cpu"
    emu=$(emulator "$cpu")
    if [ -z "$named" ]; then
        [ $family = use ] || [ "$kind" != "$(host_family)" ] || continue
        if [ $action = register ] && [ ! -x "$emu" ]; then continue; fi
        if [ $action = check ] && [ ! -e "$dir/qemu-$name" ]; then continue; fi
        if [ $action = remove ] && [ ! -e "$dir/qemu-$name" ]; then continue; fi
    fi
    any=yes
    case $action in
    register) register ;;
    check) check ;;
    remove) remove ;;
    systemd) write_systemd ;;
    debian) write_debian ;;
    esac
done
[ $any = yes ] || echo "$me: nothing to do: no emulator of another kind of processor in $path"
exit $status
