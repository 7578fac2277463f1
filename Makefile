# storewatch: the one entry. Needs GNU make, bash and Debian 12; as root it installs everything else itself.
#
#   make            build/native/storewatch, build/x64/storewatch.exe, build/x86/storewatch.exe
#   make test       unit, scenario and Wine tests; the last line is "N passed, N failed"
#   make demo       the whole story on this machine: a leaking client, the mail, the controlled restart
#   make sim        random worlds full of faults, SEEDS=20000 from FIRST=1 on; sim-mutants: does it find deliberate bugs?
#   make torture    one world; every allocation, every call of the disk and of the system fails in turn
#   make dist       build/dist/: an MSI package and a zip for x64 and x86, SHA256SUMS; test-reproducible: twice the same bytes
#   make bench | bench-culprit | bench-verdict | lint | format | fuzz | test-unit | test-scenario | test-wine | deps | clean | distclean
#
#   make test-unit ONLY="test_base test_units"     some unit tests          JOBS=1     fewer compilers at once
#
# Everything that is made lies under build/. A file is found by where it lies and how it is called, never listed here:
#   src/core/*.c src/store/*.c src/app/*.c   everywhere, but NAME.posix.c natively only and NAME.windows.c for Windows only
#   src/win32/*.c, *.mc, *.rc                Windows only: code, message table, resources
#   installer/msi/*.c, *.rc                  the custom actions of the packages: a DLL with the library
#   tests/unit/test_*.c                      one program each, linked with the library and tests/support/*.c, sanitized
#   tests/scenario/*.c                       likewise       tests/bench/*.c            likewise, optimised
#   tests/sim/*.c                            one program together, build/test/sim/sim; optimised for `make sim`
#   tests/wine/standin/*.c                   one Windows program each, without libraries: build/{x64,x86}/standin-NAME.exe
#   tests/wine/*.c                           one Windows program each, with the library:   build/{x64,x86}/test-NAME.exe
#   tests/fuzz/*.c                           one libFuzzer program each, and with tests/unit/seeds.c one that is fed its seeds

VERSION := 0.1.0
# What the tests upgrade from.
PREVIOUS_VERSION := 0.0.1

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
export JOBS ?= $(shell nproc)
# A plain `make` uses all processors; -j on the command line is left alone.
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(JOBS)
endif

.PHONY: all deps test test-unit test-scenario test-wine test-programs crash-sweep demo bench bench-culprit bench-verdict sim sim-mutants torture dist dist-previous test-reproducible lint format fuzz clean distclean packages-wine packages-dist
.DEFAULT_GOAL := all

# ---- what is compiled

sources          := $(wildcard src/core/*.c src/store/*.c src/app/*.c)
native_sources   := $(filter-out %.windows.c,$(sources))
windows_sources  := $(filter-out %.posix.c,$(sources)) $(wildcard src/win32/*.c)
native_library   := $(filter-out src/app/main.c,$(native_sources))
windows_library  := $(filter-out src/app/main.c,$(windows_sources))
test_library     := $(native_library) $(wildcard tests/support/*.c)
messages         := $(wildcard src/win32/*.mc)
resources        := $(wildcard src/win32/*.rc)
msi_sources      := $(wildcard installer/msi/*.c)
msi_resources    := $(wildcard installer/msi/*.rc)
standins         := $(patsubst tests/wine/standin/%.c,standin-%.exe,$(wildcard tests/wine/standin/*.c))
wine_tests       := $(patsubst tests/wine/%.c,test-%.exe,$(wildcard tests/wine/*.c))
unit_tests       := $(patsubst tests/%.c,build/test/%,$(wildcard tests/unit/test_*.c)) $(patsubst tests/fuzz/%.c,build/test/unit/seeds_%,$(wildcard tests/fuzz/*.c))
sim_sources      := $(wildcard tests/sim/*.c)
other_tests      := $(patsubst tests/%.c,build/test/%,$(wildcard tests/scenario/*.c)) $(if $(sim_sources),build/test/sim/sim build/test/torture/torture)
bench_programs   := $(patsubst tests/%.c,build/%,$(wildcard tests/bench/*.c))
fuzz_programs    := $(patsubst tests/%.c,build/%,$(wildcard tests/fuzz/*.c))

executables      := build/native/storewatch build/x64/storewatch.exe build/x86/storewatch.exe
windows_programs := $(foreach target,x64 x86,$(addprefix build/$(target)/,$(standins) $(wine_tests)) build/fallback/$(target)/storewatch.exe)

all: $(executables)
test-programs: $(unit_tests) $(other_tests) $(windows_programs)

# ---- flags

warnings := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wmissing-prototypes -Wvla -Werror
common   := -std=c11 -g $(warnings) -ffunction-sections -ffile-prefix-map=$(CURDIR)=. -Iinclude \
            -DSTOREWATCH_VERSION='"$(VERSION)"' -MMD -MP
harden   := -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2
posix    := -D_POSIX_C_SOURCE=200809L
# 0x0502 is Windows Server 2003: the headers hide what is newer. PSAPI_VERSION=1 binds psapi.dll's own names. C99 formats work.
nt52     := -D_WIN32_WINNT=0x0502 -DWINVER=0x0502 -DPSAPI_VERSION=1 -DWIN32_LEAN_AND_MEAN= -D__USE_MINGW_ANSI_STDIO=1
sanitize := -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all -fno-omit-frame-pointer

native_cc := gcc
x64_cc    := x86_64-w64-mingw32-gcc-win32
x86_cc    := i686-w64-mingw32-gcc-win32

native_flags := $(common) $(harden) $(posix) -isystem build/deps/native/include
asan_flags   := $(common) -O1 $(sanitize) $(posix) -Itests/support -isystem build/deps/native/include
bench_flags  := $(native_flags) -Itests/support
x64_flags    := $(common) $(harden) $(nt52) -DCURL_STATICLIB -Ibuild/x64/gen -isystem build/deps/x64/include
# i686 without SSE2: the first machines that Exchange 2003 ran on. C11 rounds each assignment to double, as on the others.
x86_flags    := $(common) $(harden) $(nt52) -march=i686 -mtune=generic -DCURL_STATICLIB -Ibuild/x86/gen -isystem build/deps/x86/include

native_libs  := -Lbuild/deps/native/lib -ljansson -lsqlite3 -lm
test_libs    := -Lbuild/deps/native/lib -lcmocka -ljansson -lsqlite3 -lm
windows_libs := -lcurl -luv -ljansson -lsqlite3 -lws2_32 -liphlpapi -lpsapi -luserenv -ladvapi32 -luser32 -lcrypt32 -lsecur32 -lshell32 -lversion -lntdll
# What the header of an executable says is set here and not left to the linker's defaults; tests/win/check reads it.
# Of each thread's stack 256 KiB are committed from the begin: what Windows commits when it is touched first ends the process when
# the commit limit is reached, and a decision takes 115 KiB in a row.
windows_link := -fstack-protector-strong -static -static-libgcc -s -Wl,--gc-sections -Wl,--no-insert-timestamp \
                -Wl,--subsystem,console:5.02 -Wl,--dynamicbase -Wl,--nxcompat -Xlinker --stack=2097152,262144
# Not for the stand-ins: the probe wants to see a program with 2 GiB.
x86_link     := -Wl,--large-address-aware

# ---- libraries: installer/deps.sh says whether one of them has changed, and only then everything above is built anew

deps: build/deps/ready
build/deps/checked: installer/deps.sh installer/deps.lock installer/packages.sh
	@installer/packages.sh build
	@installer/deps.sh
	@touch $@
build/deps/ready: build/deps/checked ;

# ---- objects: build/KIND/obj/PATH.o

# $(1) kind, $(2) compiler, $(3) flags
define compile
build/$(1)/obj/%.o: %.c Makefile build/deps/ready
	@mkdir -p $$(@D)
	@echo "   $(1) $$<"
	@$(2) $(3) -c $$< -o $$@
endef
$(eval $(call compile,native,$$(native_cc),$$(native_flags)))
$(eval $(call compile,asan,$$(native_cc),$$(asan_flags)))
$(eval $(call compile,bench,$$(native_cc),$$(bench_flags)))
$(eval $(call compile,x64,$$(x64_cc),$$(x64_flags)))
$(eval $(call compile,x86,$$(x86_cc),$$(x86_flags)))

objects = $(patsubst %.c,build/$(1)/obj/%.o,$(2))
-include $(shell find build/*/obj -name '*.d' 2>/dev/null)

# ---- executables

# The product is main.c and a library of all the rest: what a system does not need (the agent on Linux) is not linked.
# The folders are prerequisites because a file that has gone must go from the library too.
# $(1) kind, $(2) sources
define library
build/$(1)/libstorewatch.a: $$(call objects,$(1),$(2)) $(sort $(patsubst %/,%,$(dir $(2))))
	@rm -f $$@
	@ar rcs $$@ $$(filter %.o,$$^)
endef
$(eval $(call library,native,$(native_library)))
$(eval $(call library,asan,$(test_library)))
$(eval $(call library,bench,$(test_library)))
$(eval $(call library,x64,$(windows_library)))
$(eval $(call library,x86,$(windows_library)))

build/native/storewatch: build/native/obj/src/app/main.o build/native/libstorewatch.a
	@echo "== linking $@"
	@$(native_cc) -o $@ $^ -Wl,--gc-sections $(native_libs)

# $(1) target, $(2) GNU triple
define windows
build/$(1)/gen/%.rc build/$(1)/gen/%.h &: src/win32/%.mc build/deps/ready
	@mkdir -p build/$(1)/gen
	@$(2)-windmc -h build/$(1)/gen -r build/$(1)/gen $$<
build/$(1)/obj/%.mc.o: build/$(1)/gen/%.rc
	@mkdir -p $$(@D)
	@$(2)-windres -I build/$(1)/gen $$< $$@
build/$(1)/obj/%.rc.o: %.rc $$(wildcard src/win32/*.h src/win32/*.manifest src/win32/*.ico config/*.json) Makefile build/deps/ready
	@mkdir -p $$(@D)
	@$(2)-windres -I build/$(1)/gen -I include $$(call rc_version,$$(VERSION)) $$< $$@
$$(call objects,$(1),$$(windows_sources)): | $$(patsubst src/win32/%.mc,build/$(1)/gen/%.h,$$(messages))
# nt52.o is linked as itself, before any library: it must be there before Windows' import libraries can offer what it defines.
product_$(1) := build/$(1)/libstorewatch.a $$(patsubst src/win32/%.mc,build/$(1)/obj/%.mc.o,$$(messages)) $$(patsubst %.rc,build/$(1)/obj/%.rc.o,$$(resources))
build/$(1)/storewatch.exe: build/$(1)/obj/src/app/main.o build/$(1)/obj/src/win32/nt52.o $$(product_$(1))
	@echo "== linking $$@"
	@$$($(1)_cc) -o $$@ $$^ $$(windows_link) $$($(1)_link) -Lbuild/deps/$(1)/lib $$(windows_libs)
# For a test: the same program on any Windows with what it would do on NT 5.2.
build/$(1)/obj/src/win32/nt52.fallback.o: src/win32/nt52.c Makefile build/deps/ready
	@mkdir -p $$(@D)
	@$$($(1)_cc) $$($(1)_flags) -DNT52_FORCE_FALLBACK -c $$< -o $$@
build/fallback/$(1)/storewatch.exe: build/$(1)/obj/src/app/main.o build/$(1)/obj/src/win32/nt52.fallback.o $$(product_$(1))
	@mkdir -p $$(@D)
	@$$($(1)_cc) -o $$@ $$^ $$(windows_link) $$($(1)_link) -Lbuild/deps/$(1)/lib $$(windows_libs)
# The custom actions of the packages (installer/msi): a DLL with the library, its names as Windows Installer looks for them.
build/$(1)/storewatch-setup.dll: $$(call objects,$(1),$$(msi_sources)) $$(patsubst %.rc,build/$(1)/obj/%.rc.o,$$(msi_resources)) build/$(1)/obj/src/win32/nt52.o build/$(1)/libstorewatch.a
	@echo "== linking $$@"
	@$$($(1)_cc) -shared -o $$@ $$^ $$(windows_link) $$($(1)_link) -Wl,--kill-at -Lbuild/deps/$(1)/lib $$(windows_libs) -lmsi
# For a test: the same program, but of an older version, to be upgraded.
build/previous/$(1)/cli.o: src/app/cli.c Makefile build/deps/ready
	@mkdir -p $$(@D)
	@$$($(1)_cc) $$(subst $$(VERSION),$$(PREVIOUS_VERSION),$$($(1)_flags)) -c $$< -o $$@
build/previous/$(1)/storewatch.rc.o: build/$(1)/obj/src/win32/storewatch.rc.o
	@mkdir -p $$(@D)
	@$(2)-windres -I build/$(1)/gen -I include $$(call rc_version,$$(PREVIOUS_VERSION)) src/win32/storewatch.rc $$@
build/previous/$(1)/storewatch.exe: build/$(1)/obj/src/app/main.o build/$(1)/obj/src/win32/nt52.o build/previous/$(1)/cli.o build/previous/$(1)/storewatch.rc.o \
    build/$(1)/libstorewatch.a $$(patsubst src/win32/%.mc,build/$(1)/obj/%.mc.o,$$(messages))
	@$$($(1)_cc) -o $$@ $$^ $$(windows_link) $$($(1)_link) -Lbuild/deps/$(1)/lib $$(windows_libs)
build/$(1)/standin-%.exe: build/$(1)/obj/tests/wine/standin/%.o
	@$$($(1)_cc) -o $$@ $$< $$(windows_link) -lws2_32 -lpsapi -ladvapi32 -luser32
build/$(1)/test-%.exe: build/$(1)/obj/tests/wine/%.o build/$(1)/obj/src/win32/nt52.o build/$(1)/libstorewatch.a
	@$$($(1)_cc) -o $$@ $$^ $$(windows_link) $$($(1)_link) -Lbuild/deps/$(1)/lib $$(windows_libs)
endef
comma := ,
rc_version = -DSTOREWATCH_VERSION='\"$(1)\"' -DSTOREWATCH_VERSION_WORDS=$(subst .,$(comma),$(1)),0
$(eval $(call windows,x64,x86_64-w64-mingw32))
$(eval $(call windows,x86,i686-w64-mingw32))

# ---- test programs: each linked with the sanitized library (the product without main, and tests/support)

build/test/%: build/asan/obj/tests/%.o build/asan/libstorewatch.a
	@mkdir -p $(@D)
	@$(native_cc) -o $@ $< $(sanitize) build/asan/libstorewatch.a $(test_libs)
build/test/unit/seeds_%: build/asan/obj/tests/fuzz/%.o build/asan/obj/tests/unit/seeds.o build/asan/libstorewatch.a
	@mkdir -p $(@D)
	@$(native_cc) -o $@ $< build/asan/obj/tests/unit/seeds.o $(sanitize) build/asan/libstorewatch.a $(test_libs)
# In most worlds the verdicts are drawn: tests/sim/verdicts.c stands before each function of a detector.
open     := (
sim_link := $(patsubst %$(open),-Wl$(comma)--wrap=%,$(sort $(shell grep -oh '\bdetector_[a-z_]*$(open)' include/storewatch/verdict.h)))
build/test/sim/sim: $(call objects,asan,$(sim_sources)) build/asan/libstorewatch.a
	@mkdir -p $(@D)
	@$(native_cc) -o $@ $^ $(sanitize) $(sim_link) $(test_libs)

# The same world with failing memory, disk and seam: what the product and its libraries allocate and what they ask of the seam gets
# other names, which tests/torture/torture.c defines; what the harness does itself never fails.
torture_names   := malloc calloc realloc strdup mailer_send $(filter-out os_open,$(patsubst %$(open),%,$(shell \
                   sed -n 's/^enum status \(os_[a-z_]*.\).*/\1/p' include/storewatch/os.h)))
torture_harness := $(call objects,asan,$(filter-out tests/sim/main.c tests/sim/verdicts.c,$(sim_sources)) $(addprefix tests/support/,seam.c world.c vfs_fault.c))
torture_product := $(call objects,asan,$(native_library) tests/sim/verdicts.c)
build/test/torture/product.a: $(torture_product) Makefile
	@mkdir -p $(@D)
	@rm -f $@ $(@D)/*.a
	@ar rcs $@ $(filter %.o,$^)
	@cp build/deps/native/lib/lib{jansson,sqlite3}.a $(@D)
	@for library in $(@D)/*.a; do objcopy $(foreach name,$(torture_names),--redefine-sym $(name)=torture_$(name)) $$library; done
build/test/torture/torture: build/asan/obj/tests/torture/torture.o $(torture_harness) build/test/torture/product.a
	@$(native_cc) -o $@ $^ $(sanitize) $(sim_link) -Wl,--start-group build/test/torture/lib{jansson,sqlite3}.a -Wl,--end-group -lm

build/bench/bench_poll: bench_link := -Wl,--wrap=engine_step
build/bench/%: build/bench/obj/tests/bench/%.o build/bench/libstorewatch.a
	@mkdir -p $(@D)
	@$(native_cc) -o $@ $< $(bench_link) build/bench/libstorewatch.a $(test_libs)

build/bench/sim/sim: $(call objects,bench,$(sim_sources)) build/bench/libstorewatch.a
	@mkdir -p $(@D)
	@$(native_cc) -o $@ $^ $(sim_link) $(test_libs)

# ---- packages

# Whatever a build notes as its time is the commit's, so that the same commit gives the same bytes. Without git: the first that a zip knows.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 315532800)
packages := $(foreach target,x64 x86,build/dist/storewatch-$(VERSION)-$(target).msi build/dist/storewatch-$(VERSION)-$(target).zip)

dist: build/dist/SHA256SUMS
build/dist/SHA256SUMS: $(packages)
	@cd build/dist && sha1sum -- $(notdir $(sort $(packages))) >SHA1SUMS && sha256sum -- $(notdir $(sort $(packages))) >SHA256SUMS
	@cat $@
packages-dist: build/deps/ready
	@installer/packages.sh dist
package_files := $(wildcard installer/msi/*) README.md LICENSE config/storewatch.json config/storewatch.schema.json src/win32/storewatch.ico Makefile
# $(1) target
define package
build/dist/storewatch-$(VERSION)-$(1).msi build/dist/storewatch-$(VERSION)-$(1).zip &: build/$(1)/storewatch.exe build/$(1)/storewatch-setup.dll $(package_files) | packages-dist
	@mkdir -p $$(@D)
	@echo "== packing storewatch-$(VERSION)-$(1)"
	@installer/msi/build $(1) $(VERSION) build/$(1)/storewatch.exe build/$(1)/storewatch-setup.dll build/dist/storewatch-$(VERSION)-$(1)
build/previous/$(1)/storewatch.msi build/previous/$(1)/storewatch.zip &: build/previous/$(1)/storewatch.exe build/$(1)/storewatch-setup.dll $(package_files) | packages-dist
	@installer/msi/build $(1) $(PREVIOUS_VERSION) build/previous/$(1)/storewatch.exe build/$(1)/storewatch-setup.dll build/previous/$(1)/storewatch
endef
$(eval $(call package,x64))
$(eval $(call package,x86))
dist-previous: build/previous/x64/storewatch.msi build/previous/x86/storewatch.msi

# ---- tests, demo, bench: scripts under tests/ do the work

packages-wine: build/deps/ready
	@installer/packages.sh wine

test:
	@tests/run build unit lint scenario sim torture wine reproducible
test-unit: $(unit_tests)
	@tests/run unit
test-scenario: $(other_tests)
	@tests/run scenario
test-reproducible: dist
	@tests/reproducible
test-wine: all test-programs dist dist-previous packages-wine
	@tests/run wine

# storewatch.exe killed at KILLS (200) moments of one restart; see tests/wine/test_crash.sh.
crash-sweep: all $(windows_programs) packages-wine
	@tests/wine/crash-sweep

demo: all $(windows_programs) packages-wine
	@tests/wine/demo

bench-verdict: export BENCH_CC := $(native_cc)
bench-verdict: export BENCH_FLAGS = $(bench_flags)
bench-verdict: export BENCH_LIBS = build/bench/libstorewatch.a $(test_libs)
bench bench-verdict: all $(bench_programs)
	@installer/packages.sh bench
	@tests/bench/$(if $(filter bench,$@),run,verdict)

# MACHINES of each kind: who is named for the growth, against the truth. Part of `make bench` too.
bench-culprit: build/bench/bench_culprit
	@$< $(or $(MACHINES),200) $(or $(FIRST),1001)

# SEEDS worlds from FIRST on; each deliberate bug of tests/sim/mutants, and whether the simulation finds it.
sim: build/bench/sim/sim
	@tests/sim/run $< $(or $(SEEDS),20000) $(or $(FIRST),1)
# Each allocation, each call of SQLite's file system and of the seam fails once, and from there on.
torture: build/test/torture/torture
	@tests/torture/run 1
sim-mutants: export MUTANT_CC := $(native_cc)
sim-mutants: export MUTANT_FLAGS = $(bench_flags)
sim-mutants: export MUTANT_OBJECTS = $(call objects,bench,$(sim_sources))
sim-mutants: export MUTANT_LIBS = $(sim_link) build/bench/libstorewatch.a $(test_libs)
sim-mutants: build/bench/sim/sim
	@tests/sim/run-mutants $(or $(SEEDS),2000) $(ONLY)

# ---- source hygiene

lint: all build/compile_commands.json
	@installer/packages.sh lint
	@tests/lint/run
format:
	@installer/packages.sh lint
	@find src include installer tests -name '*.[ch]' -print0 | xargs -0 clang-format -i

# One entry a file, for the target it is made for; clangd and clang-tidy find the file under build/.
compiled := $(sort $(native_sources) $(windows_sources) $(msi_sources))
build/compile_commands.json: Makefile $(compiled) $(sort $(patsubst %/,%,$(dir $(compiled))))
	@mkdir -p build
	@{ echo '['; separator=; \
	   entry() { printf '%s{"directory":"$(CURDIR)","file":"%s","command":"%s -c %s"}' "$$separator" "$$2" "$$1" "$$2"; separator=$$',\n'; }; \
	   for file in $(native_sources); do entry $(call json,$(native_cc) $(native_flags)) $$file; done; \
	   for file in $(filter-out $(native_sources),$(windows_sources)) $(msi_sources); do entry $(call json,$(x64_cc) $(x64_flags)) $$file; done; \
	   echo; echo ']'; } >$@
json = '$(subst ",\\\",$(subst ',,$(1)))'

# ---- fuzzing: FUZZ_SECONDS for each program (ONLY="smtp control" for some); findings stay under build/fuzz

fuzz_flags := $(filter-out -MMD -MP -Werror,$(common)) -O1 -fsanitize=fuzzer,address,undefined,float-cast-overflow -fno-sanitize-recover=all $(posix) -Itests/support -isystem build/deps/native/include
build/fuzz/%: tests/fuzz/%.c $(test_library) $(wildcard src/win32/*.[ch] src/app/*.h tests/support/*.h include/storewatch/*.h) Makefile build/deps/ready
	@installer/packages.sh fuzz
	@mkdir -p $(@D)
	@clang $(fuzz_flags) -o $@ $< $(test_library) $(test_libs)
fuzz: $(if $(ONLY),$(addprefix build/fuzz/,$(ONLY)),$(fuzz_programs))
	@tests/fuzz/run $(ONLY)

# ---- cleaning: the libraries take minutes, so only distclean removes them

clean:
	@[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} +
distclean:
	@rm -rf build
