# Two commands for newcomers: `make demo' boots a Linux guest, `make check' tests everything.
#
# Every .c file of a folder named below is built; nothing is listed by hand. What does not depend on
# the target is compiled once for all executables; target-*/ once per word size.

.DEFAULT_GOAL := all
ifeq ($(filter deps clean distclean,$(MAKECMDGOALS)),)
ifeq ($(wildcard config.mak),)
# A first run: install what is missing when we may, then configure with the defaults.
$(shell ./tools/deps build >&2 && ./configure >&2)
endif
include config.mak
# A newer configure may look for more libraries.
config.mak: configure
	@./tools/deps build && ./configure $(CONFIGURE_ARGS) && touch $@
endif

B ?= build
V ?= 0
Q = $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-5s %s\n' $(1) $(2))

WARN = -Wall -Wextra -Wno-missing-field-initializers -Wno-sign-compare -Wstrict-prototypes \
    -Wmissing-prototypes -Wvla -Wno-unused-parameter
CFLAGS_ALL = -std=gnu11 -pthread -D_GNU_SOURCE $(CFLAGS_OPT) $(WARN) -fno-strict-aliasing \
    -fno-common -I. -I$(B) $(DEFINES) $(LIB_CFLAGS) -DCONFIG_PREFIX='"$(PREFIX)"' -MMD -MP
LIBS_ALL = $(LIBS) -lm -pthread -ldl

# --- what is compiled once ----------------------------------------------------------------------
CORE_DIRS = base fpu tcg tcg/$(HOST)
COMMON_DIRS = $(CORE_DIRS) crypto nbd block char net audio ui ui/vnc migration monitor gdbstub \
    hw/core hw/isa hw/pci hw/ide hw/char hw/timer hw/intc hw/display hw/input hw/dma hw/block \
    hw/nvram hw/audio hw/net hw/usb hw/scsi hw/sd hw/i2c hw/gpio hw/acpi hw/misc hw/virtio \
    hw/watchdog
COMMON_SRC = $(foreach d,$(COMMON_DIRS),$(sort $(wildcard $(d)/*.c))) $(wildcard cpu-*.c)
COMMON_OBJ = $(COMMON_SRC:%.c=$(B)/obj/%.o)
MAIN_OBJ = $(B)/obj/vl.o

# --- per target: folder and word size -----------------------------------------------------------
FOLDER_i386-softmmu = target-i386
FOLDER_x86_64-softmmu = target-i386
BITS_i386-softmmu = 32
BITS_x86_64-softmmu = 64
FOLDER_arm-softmmu = target-arm
BITS_arm-softmmu = 32
BOARDS_target-i386 = hw/i386
BOARDS_target-arm = hw/arm

target_obj = $(patsubst %.c,$(B)/obj$(2)/%.o,$(sort $(wildcard $(1)/*.c)))
# --- user mode: the core without soft MMU and machine, a process instead ---------------------------
FOLDER_i386-linux-user = target-i386
FOLDER_x86_64-linux-user = target-i386
FOLDER_arm-linux-user = target-arm
FOLDER_armeb-linux-user = target-arm
BITS_i386-linux-user = 32
BITS_x86_64-linux-user = 64
BITS_arm-linux-user = 32
BITS_armeb-linux-user = 32be
# Of a machine only
MACHINE_SRC = gdbstub/system.c base/library.c base/main-loop.c cpu-control.c cpu-thread.c tcg/tlb.c tcg/softmmu.c tcg/code-ram.c \
    tcg/capstone-load.c
MACHINE_target-i386 = cpu mmu io smm hooks excp deliver state
GENERATED_target-arm = $(B)/gen/arm-decode.c
MACHINE_target-arm = cpu cp15 mmu excp psr state
USER_SRC = $(filter-out $(MACHINE_SRC),$(foreach d,$(CORE_DIRS),$(sort $(wildcard $(d)/*.c)))) \
    cpu-exec.c cpu-debug.c \
    $(filter-out $(MACHINE_SRC),$(sort $(wildcard gdbstub/*.c))) \
    $(sort $(wildcard tcg/user/*.c linux-user/*.c linux-user/syscalls/*.c))
USER_TARGET_SRC = $(filter-out $(MACHINE_$(1):%=$(1)/%.c),$(sort $(wildcard $(1)/*.c))) \
    $(sort $(wildcard $(1)/user/*.c linux-user/$(1:target-%=%)/*.c))
USER_OBJ_OF = $(USER_SRC:%.c=$(B)/obj/%.o) \
    $(patsubst %.c,$(B)/obj$(BITS_$(1))/%.o,$(call USER_TARGET_SRC,$(FOLDER_$(1)))) \
    $(GENERATED_$(FOLDER_$(1)):%.c=%.o)

board_obj = $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard $(BOARDS_$(1))/*.c)))
arch = $(1:%-softmmu=%)
OBJ_OF = $(COMMON_OBJ) $(call board_obj,$(FOLDER_$(1))) \
    $(call target_obj,$(FOLDER_$(1)),$(BITS_$(1))) $(GENERATED_$(FOLDER_$(1)):%.c=%.o)

MACHINES = $(filter %-softmmu,$(TARGETS))
PROCESSES = $(filter %-linux-user,$(TARGETS))
EXES = $(MACHINES:%-softmmu=$(B)/qemu-system-%) $(PROCESSES:%-linux-user=$(B)/qemu-%) $(STATICS)
STATICS = $(if $(filter yes,$(STATIC)),$(PROCESSES:%-linux-user=$(B)/qemu-%-static))
# What the image tools share with the machines: images and how to reach them.
STORAGE_SRC = $(sort $(wildcard base/*.c crypto/*.c nbd/*.c block/*.c)) char/address.c
IMG = $(B)/qemu-img
NBD = $(B)/qemu-nbd
IMG_SRC = $(STORAGE_SRC) $(sort $(wildcard img/*.c)) qemu-img.c
NBD_SRC = $(STORAGE_SRC) qemu-nbd.c
ALIAS = $(if $(filter i386-softmmu,$(TARGETS)),$(B)/qemu)
ROMS = $(patsubst pc-bios/%.S,$(B)/pc-bios/%.bin,$(wildcard pc-bios/*.S))

all: $(EXES) $(ALIAS) $(IMG) $(NBD) $(ROMS)

define exe_rule
$(B)/qemu-system-$(call arch,$(1)): $(MAIN_OBJ) $(call OBJ_OF,$(1))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(LDFLAGS_CONFIG) -o $$@ $$^ $$(LIBS_ALL)
endef
$(foreach t,$(MACHINES),$(eval $(call exe_rule,$(t))))

define user_rule
$(B)/qemu-$(1:%-linux-user=%): $(call USER_OBJ_OF,$(1))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(USER_LDFLAGS) -o $$@ $$^ $$(USER_LIBS) -lm -pthread 2> $$@.log || \
	    { cat $$@.log; exit 1; }
	@rm $$@.log                     # only that glib asks for users' names, which we never do
endef
$(foreach t,$(PROCESSES),$(eval $(call user_rule,$(t))))

# The name under which distributions install them for other systems' folders.
$(B)/qemu-%-static: $(B)/qemu-%
	$(Q)ln -f $< $@

# Libraries that only machines use are left out: the tools start faster.
$(IMG): $(IMG_SRC:%.c=$(B)/obj/%.o)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_CONFIG) -Wl,--as-needed -o $@ $^ $(LIBS_ALL)

$(NBD): $(NBD_SRC:%.c=$(B)/obj/%.o)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_CONFIG) -Wl,--as-needed -o $@ $^ $(LIBS_ALL)

$(B)/qemu: $(B)/qemu-system-i386
	$(Q)ln -sf qemu-system-i386 $@

$(B)/obj/%.o: %.c config.mak Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

# The translator: its time is the time until a program runs.
$(B)/obj/tcg/%.o $(B)/obj32/target-%.o $(B)/obj32be/target-%.o $(B)/obj64/target-%.o: \
    CFLAGS_OPT := $(CFLAGS_OPT:-O2=-O3)
# What the guest does wrong there is not ours.
$(B)/obj/tcg/user/memory.o: CFLAGS_OPT := $(filter-out -fsanitize=thread,$(CFLAGS_OPT))

$(B)/obj32/%.o: %.c config.mak Makefile
	$(call say,CC32,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -DTARGET_WORD_BITS=32 -c -o $@ $<

$(B)/obj32be/%.o: %.c config.mak Makefile
	$(call say,CC32BE,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -DTARGET_WORD_BITS=32 -DTARGET_ARM_BIG=1 -c -o $@ $<

$(B)/obj64/%.o: %.c config.mak Makefile
	$(call say,CC64,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -DTARGET_WORD_BITS=64 -c -o $@ $<

# --- decoders: .decode files to C, by a program that is built first ------------------------------
$(B)/decodetree: $(wildcard tcg/decodetree/*.c) tcg/decodetree/decodetree.h Makefile
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O1 $(WARN) -I. -o $@ $(filter %.c,$^)

ARM_DECODE = $(addprefix target-arm/,a32.decode a32-uncond.decode thumb.decode vfp.decode \
    neon.decode neon-ls.decode)
$(B)/gen/arm-decode.c: $(B)/decodetree $(ARM_DECODE)
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$(B)/decodetree arm arm_dis target-arm/decode.h $(@:.c=.h) $@ $(ARM_DECODE)
$(B)/gen/arm-decode.h: $(B)/gen/arm-decode.c ;
$(B)/gen/%.o: $(B)/gen/%.c
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -DTARGET_WORD_BITS=32 -c -o $@ $<
ARM_SRC = $(wildcard target-arm/*.c target-arm/user/*.c linux-user/arm/*.c)
$(ARM_SRC:%.c=$(B)/obj32/%.o) $(ARM_SRC:%.c=$(B)/obj32be/%.o) \
    $(B)/gen/arm-decode.o: | $(B)/gen/arm-decode.h
$(patsubst %.c,$(B)/obj32/%.o,$(wildcard tests/lockstep-arm/*.c)): | $(B)/gen/arm-decode.h

# Option ROMs: 16-bit code, padded and checksummed.
$(B)/pc-bios/%.bin: pc-bios/%.S tools/sign-rom.py Makefile
	$(call say,ROM,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -m32 -ffreestanding -nostdlib -no-pie -Wl,--build-id=none -Wl,-Ttext=0 \
	    -Wl,--oformat=binary -Wl,-m,elf_i386 -o $@.raw $<
	$(Q)python3 tools/sign-rom.py $@.raw $@ && rm $@.raw

# --- tests --------------------------------------------------------------------------------------
# TAP programs, one a .c file: tests/unit and tests/ir take what they use from the common objects;
# tests/hw links a whole PC; tests/x86 is built once per word size. tests/*/*.t are TAP scripts.
program = $(patsubst %.c,$(B)/%.t,$(sort $(wildcard $(1))))
LIB_X86_64 = $(call OBJ_OF,x86_64-softmmu)
LIB_I386 = $(call OBJ_OF,i386-softmmu)
LIB_ARM = $(call OBJ_OF,arm-softmmu)
LIBCOMMON = $(B)/obj/libcommon.a
FPU_TESTS = $(call program,tests/fpu/*.c)
PROGRAMS = $(call program,tests/unit/*.c) $(call program,tests/ir/*.c) $(call program,tests/hw/*.c) \
    $(call program,tests/image/*.c) $(FPU_TESTS) \
    $(B)/tests/lockstep/lockstep-64.t $(B)/tests/lockstep/lockstep-32.t \
    $(B)/tests/lockstep-arm/lockstep-arm.t \
    $(foreach b,32 64,$(patsubst %.c,$(B)/%-$(b).t,$(sort $(wildcard tests/x86/*.c))))
SLOW_SCRIPTS = $(sort $(wildcard tests/guests/*.t))
SCRIPTS = $(filter-out $(SLOW_SCRIPTS) tests/trees/trees.t,$(sort $(wildcard tests/*/*.t)))

define link_test
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_CONFIG) -o $@ $^ $(LIBS_ALL)
endef
$(LIBCOMMON): $(COMMON_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/tests/unit/%.t: $(B)/obj/tests/unit/%.o $(LIBCOMMON)
	$(link_test)
$(B)/tests/image/%.t: $(B)/obj/tests/image/%.o $(STORAGE_SRC:%.c=$(B)/obj/%.o)
	$(link_test)
$(B)/tests/fpu/mpfr.t: LIBS_ALL += $(shell pkg-config --libs mpfr 2>/dev/null)
$(B)/tests/fpu/%.t: $(B)/obj/tests/fpu/%.o $(patsubst %.c,$(B)/obj/%.o,$(wildcard fpu/*.c))
	$(link_test)
# User mode is no part of the common objects.
$(B)/tests/unit/thunk.t: $(patsubst %.c,$(B)/obj/%.o,$(wildcard linux-user/syscalls/thunk.c \
    linux-user/syscalls/structs*.c))
$(B)/tests/ir/%.t: $(B)/obj/tests/ir/%.o $(LIBCOMMON)
	$(link_test)
$(B)/tests/hw/%.t: $(B)/obj/tests/hw/%.o $(LIB_X86_64)
	$(link_test)
# Random code against the host CPU: one program of several files for each word size.
LOCKSTEP = $(sort $(wildcard tests/lockstep/*.c))
$(B)/tests/lockstep/lockstep-64.t: $(LOCKSTEP:%.c=$(B)/obj64/%.o) $(LIB_X86_64)
	$(link_test)
$(B)/tests/lockstep/lockstep-32.t: $(LOCKSTEP:%.c=$(B)/obj32/%.o) $(LIB_I386)
	$(link_test)
LOCKSTEP_ARM = $(sort $(wildcard tests/lockstep-arm/*.c))
$(B)/tests/lockstep-arm/lockstep-arm.t: $(LOCKSTEP_ARM:%.c=$(B)/obj32/%.o) $(LIB_ARM)
	$(link_test)
$(B)/tests/x86/%.t: LIBS_ALL += $(CAPSTONE_LIBS)
$(B)/tests/x86/%-64.t: $(B)/obj64/tests/x86/%.o $(LIB_X86_64)
	$(link_test)
$(B)/tests/x86/%-32.t: $(B)/obj32/tests/x86/%.o $(LIB_I386)
	$(link_test)

test-programs: $(PROGRAMS)

check: all test-programs $(B)/decodetree
	$(Q)./tools/deps test
	$(Q)BUILD=$(abspath $(B)) prove --timer -j2 $(PROGRAMS) $(SCRIPTS)

# Fuzzing needs clang. FUZZ_SECONDS is the time for each target; findings stay in $(B)/fuzz.
FUZZ_SECONDS ?= 30
IMAGE_FORMATS = bochs cloop cow dmg luks parallels qcow qcow2 raw vdi vhdx vmdk vpc
FUZZERS = $(patsubst %,$(B)/fuzz/%,$(STORAGE_FUZZERS) gdb vnc elf-64 elf-32)
STORAGE_FUZZERS = $(filter-out elf gdb vnc,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
FUZZ_ELF = base/error.c $(addprefix linux-user/,elf.c start.c map.c mmap.c memory.c host-$(HOST).c)
define fuzzer
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)clang $(filter-out -MMD -MP,$(CFLAGS_ALL)) $(1) -O1 -fsanitize=fuzzer,address -o $@ $(filter %.c,$^) $(LIBS_ALL)
endef
$(addprefix $(B)/fuzz/,$(STORAGE_FUZZERS)): $(B)/fuzz/%: tests/fuzz/%.c $(STORAGE_SRC)
	$(call fuzzer)
$(B)/fuzz/gdb: tests/fuzz/gdb.c $(wildcard base/*.c) cpu-debug.c \
    $(filter-out gdbstub/system.c,$(wildcard gdbstub/*.c))
	$(call fuzzer)
$(B)/fuzz/vnc: tests/fuzz/vnc.c tests/fuzz/vnc.seed $(filter base/% char/% crypto/% ui/%,$(COMMON_SRC))
	$(call fuzzer)
	@mkdir -p $@.corpus && cp tests/fuzz/vnc.seed $@.corpus
$(B)/fuzz/elf-%: tests/fuzz/elf.c $(FUZZ_ELF)
	$(call fuzzer,-DFUZZ_WORD_BITS=$*)
	@mkdir -p $@.corpus
	-$(Q)echo 'int a = 5, b[2000]; void _start(void) { for (;;) b[a]++; }' | $(CC) -m$* -x c -Os -s \
	    -nostdlib -pie -fPIE -Wl,-z,noseparate-code,--build-id=none - -o $@.corpus/seed
check-fuzz: $(if $(shell command -v clang),$(FUZZERS)) $(IMG)
	$(Q)command -v clang >/dev/null || echo "check-fuzz: skipped, there is no clang"
	$(Q)./tests/fuzz/seeds $(IMG) $(B)/fuzz/image
	$(Q)for f in $(filter-out $(IMG) %/fuzz/image,$^) $(if $(filter %/fuzz/image,$^),$(IMAGE_FORMATS)); do \
	    t=$(B)/fuzz/image; case $$f in */*) t=$$f;; *) f=$$t-$$f;; esac; mkdir -p $$f.corpus; \
	    IMAGE_FUZZ_FORMAT=$${f#$$t-} $$t -max_total_time=$(FUZZ_SECONDS) -max_len=262144 \
	        -rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=20 -artifact_prefix=$$f. -close_fd_mask=2 $$f.corpus || exit 1; done

# A hundred million floating-point operations against the host's units and MPFR.
check-fpu: $(FPU_TESTS)
	$(Q)prove --timer $(FPU_TESTS) :: --count 1000000

# Whole guests for minutes; GUESTS=FOLDER adds kernels with known output.
check-guests: all
	$(Q)./tools/deps test
	$(Q)BUILD=$(abspath $(B)) prove --timer $(SLOW_SCRIPTS)

# Threads, signals, faults, new code, fork and exec at random; STRESS_SECONDS for each word size.
STRESS_SECONDS ?= 600
STRESS = $(B)/tests/user/stress
check-stress: $(B)/qemu-x86_64 $(B)/qemu-i386
	$(Q)mkdir -p $(STRESS)
	$(Q)for n in 64 32; do \
	    $(CC) -m$$n -idirafter /usr/include/$$($(CC) -dumpmachine) -O1 -w -o $(STRESS)/stress-$$n \
	        tests/user/programs/stress.c -pthread || exit 1; done
	$(Q)$(B)/qemu-x86_64 $(STRESS)/stress-64 $(STRESS_SECONDS) count
	$(Q)$(B)/qemu-i386 $(STRESS)/stress-32 $(STRESS_SECONDS) count
.PHONY: check-stress

# Debian's programs in user mode, in trees that debootstrap makes once; an hour.
check-trees: $(PROCESSES:%-linux-user=$(B)/qemu-%)
	$(Q)./tools/deps trees
	$(Q)BUILD=$(abspath $(B)) ./tests/trees/trees.t $(TREES_ARGS)

# CPU time against PEER (another emulator); BENCHKIT=FOLDER takes a larger set of programs.
bench: all
	$(Q)BUILD=$(abspath $(B)) ./tools/bench

check-style:
	$(Q)prove tests/style/style.t
print-cflags: $(filter $(B)/gen/arm-decode.h,$(GENERATED_target-arm:.c=.h))
	@echo $(filter-out -MMD -MP,$(CFLAGS_ALL))

.PHONY: check-style check-fpu check-fuzz check-trees print-cflags all check check-guests bench demo clean distclean test-programs deps install
.SECONDARY:

deps:
	./tools/deps all

# Boots Debian's kernel to a shell on this terminal.
demo:
	$(Q)B=$(B) ./tools/demo

clean:
	rm -rf $(B)
distclean: clean
	rm -f config.mak

DATADIR = $(PREFIX)/share/qemu
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(DATADIR)
	install -m 755 $(EXES) $(IMG) $(NBD) tools/qemu-binfmt-conf.sh $(DESTDIR)$(PREFIX)/bin
	$(if $(ALIAS),ln -sf qemu-system-i386 $(DESTDIR)$(PREFIX)/bin/qemu)
	$(if $(ROMS),install -m 644 $(ROMS) $(DESTDIR)$(DATADIR))

-include $(shell find $(B) -path $(B)/trees -prune -o -name '*.d' -type f -print 2>/dev/null)
