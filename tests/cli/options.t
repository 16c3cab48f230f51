#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line: lists, versions, and one clear line with status 1 for everything that is wrong.
BUILD=${BUILD:-build}
qemu=$BUILD/qemu-system-x86_64
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0

ok() {      # status name
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}

# Exits 1 with exactly one line on stderr that begins with the program's name and has the pattern.
refuses() {     # pattern arguments...
    pattern=$1; shift
    timeout 10 "$qemu" -display none "$@" >"$dir/out" 2>"$dir/err" </dev/null
    status=$?
    if [ $status = 1 ] && [ "$(wc -l <"$dir/err")" = 1 ] && [ ! -s "$dir/out" ] &&
        grep -q '^qemu-system-x86_64: ' "$dir/err" && grep -q -e "$pattern" "$dir/err"; then
        ok 0 "refused: $*"
    else
        ok 1 "refused: $*"
        sed 's/^/# /' "$dir/err"
        echo "# status $status"
    fi
}

# Exits 0 and prints the pattern on stdout, nothing on stderr.
prints() {
    pattern=$1; shift
    timeout 10 "$qemu" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    [ $? = 0 ] && [ ! -s "$dir/err" ] && grep -q -e "$pattern" "$dir/out"
    ok $? "prints: $*"
}

truncate -s 1M "$dir/disk.img"

prints '^QEMU emulator version [0-9]' -version
prints '^QEMU emulator version [0-9]' --version
prints '^-kernel bzImage ' -help
prints '^-drive \[file=file\]' -h
prints '^pc  *' -M help
prints '^isapc  *' -machine '?'
prints 'qemu64' -cpu help
prints 'qemu64' -cpu '?'
prints 'isa-debug-exit' -device help
prints '^in_asm' -d help
prints '^tcg' -accel help
prints '^kvm' -accel help
prints '  socket' -chardev help
prints '/usr/share/seabios' -L help
prints '^sb16 ' -soundhw help
prints '^wav' -audiodev help
prints '^  serial:DEV' -usbdevice '?'

refuses ' -foo: invalid option' -foo
refuses "-qmp: '' is not host:port" -qmp tcp:
refuses "-blockdev node-name=a: Unknown driver 'nosuch'" -blockdev driver=nosuch,node-name=a
refuses "-add-fd: 77 is not a descriptor" -add-fd fd=77,set=1
refuses "-soundhw sb16,adlib: the sound card 'adlib' is not available" -soundhw sb16,adlib
refuses "-soundhw piano: 'piano' is not a sound card" -soundhw piano
refuses "-audio model=piano: 'piano' is not a sound card" -audio none,model=piano
refuses "audiodev" -machine pc,pcspk-audiodev=nosuch
refuses "-audiodev: driver 'oss' is not there" -audiodev oss,id=a
refuses "Could not open '/nowhere/a': No such" -audiodev wav,id=a,path=/nowhere/a
refuses "-usbdevice disk:$dir/nosuch: .*Could not open '$dir/nosuch'" -usbdevice "disk:$dir/nosuch"
refuses "-usbdevice wheel: 'wheel' is not a USB device" -usbdevice wheel
refuses "usb-storage: drive property not set" -usb -device usb-storage
refuses ' --foo: invalid option' --foo
refuses ' -kernel: requires an argument' -kernel
refuses "-hda $dir/nosuch: Could not open '$dir/nosuch': No such file or directory" -hda "$dir/nosuch"
refuses "-hda a: Could not open 'a'" a
refuses "Could not open '$dir': " -hda "$dir"
refuses "invalid parameter 'nosuch'" -drive "file=$dir/disk.img,format=raw,nosuch=1"
refuses "drive with bus=0, unit=0 (index=0) exists" \
    -drive "file=$dir/disk.img,format=raw" -drive "file=$dir/disk.img,format=raw,index=0"
refuses 'Image is not in qcow2 format' -drive "file=$dir/disk.img,format=qcow2"
refuses 'machine type does not support if=sd' -drive "file=$dir/disk.img,format=raw,if=sd"
refuses "'0' is not a possible memory size" -m 0
refuses "'abc' is not a memory size" -m abc
refuses "'-1' is not a memory size" -m -1
refuses "'9999999G' is not a possible memory size" -m 9999999G
refuses "'cpus=0' is not a number of CPUs" -smp 0
refuses 'The max CPUs supported by machine' -smp 1000
refuses 'sockets (1) \* cores (1) \* threads (1)' -smp 2,sockets=1,cores=1,threads=1
refuses "unsupported machine type 'nosuch'" -M nosuch
refuses "invalid parameter 'foo'" -M pc,foo=1
refuses "Invalid boot device 'z'" -boot z
refuses "Boot device 'c' was given twice" -boot cc
refuses "invalid datetime format 'noon'" -rtc base=noon
refuses 'wrong format' -uuid 12345
refuses "'foo' is not a valid char driver" -serial foo
refuses 'cannot use stdio by multiple' -serial stdio -monitor stdio
refuses 'too many ports' -serial null -serial null -serial null -serial null -serial null
refuses 'is not host:port' -serial tcp:nohost
refuses 'No such file or directory' -serial file:/nonexistent/x
refuses 'needs an id=' -chardev null
refuses "duplicate ID 'a'" -chardev null,id=a -chardev null,id=a
refuses 'chardev "x" not found' -mon x
refuses 'chardev "x" not found' -serial chardev:x
refuses 'does not accept value' -net foo
refuses 'Unsupported NIC model: foo' -net nic,model=foo
refuses "panic= does not take .maybe." -action panic=maybe
refuses "can't find value 'n0'" -device e1000,netdev=n0
refuses 'not available yet' -netdev vde,id=n0
refuses 'is not host:display' -vnc nowhere
refuses "invalid parameter 'nosuch'" -vnc 127.0.0.1:90,nosuch=1
refuses 'unknown policy' -vnc 127.0.0.1:90,share=all
refuses 'No TLS credentials with id' -vnc 127.0.0.1:90,tls-creds=x
refuses 'Unable to access credentials .*server-cert.pem' -vnc "127.0.0.1:90,x509=$dir"
refuses 'is not a keyboard layout' -k klingon
refuses "accelerator 'magic' is not available; this emulator has tcg and kvm" -accel magic
refuses 'this display is not available' -display gtk
refuses 'unknown display' -display foo
refuses 'is not available; there are std' -vga qxl
refuses 'only allowed with -kernel' -append x
refuses 'only allowed with -kernel' -initrd x
refuses "unknown log item 'foo'" -d foo
refuses "not a valid device model name" -device nosuch
refuses 'cannot be used with -daemonize' -nographic -daemonize
refuses 'cannot create PID file' -pidfile /nonexistent/pid
refuses 'nosuch-bios' -bios nosuch-bios
refuses "$dir/nosuch" -kernel "$dir/nosuch"

[ "$(ls "$dir" | sort | tr '\n' ' ')" = 'disk.img err out ' ]
ok $? 'nothing is left behind'
echo "1..$n"
exit "${failed:-0}"
