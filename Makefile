# All tasks of a developer. `make` without a target lists them.
# GNU make; tested on Debian 12. BUILD, LUA, CC, CFLAGS, PREFIX and DESTDIR may be set on the command line.

# The one list of what the project needs, as Debian names. `a|b` is satisfied by either; a is what gets installed.
# To build the library, run the demo and run every spec:
DEPS = gcc libc6-dev pkg-config ca-certificates curl openssl \
  libcurl4-openssl-dev|libcurl4-gnutls-dev libssl-dev zlib1g-dev \
  lua5.4 liblua5.4-dev lua5.3 liblua5.3-dev luajit2 libluajit2-5.1-dev \
  lua-cjson lua-cjson-dev lua-argparse lua-luv lua-cqueues lua-luaossl lua-busted locales \
  nginx libnginx-mod-http-lua
# In addition for lint, memcheck, rock and bench:
DEPS_TOOLS = lua-check clang libclang-rt-dev clang-tidy clang-format valgrind luarocks lua-http gnuplot-nox

LUA    ?= lua5.4
LUAS    = lua5.4 lua5.3 luajit
BUILD  ?= build
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g

LUA_NAME = $(notdir $(LUA))
ABI_lua5.4 = 5.4
ABI_lua5.3 = 5.3
ABI_luajit = 5.1
# An interpreter with another name (such as `lua`, on other systems) is asked for its version.
LUA_ABI = $(or $(ABI_$(LUA_NAME)),$(shell $(LUA) -e 'io.write((_VERSION:gsub("^Lua ", "")))'))

LUADIR ?= $(PREFIX)/share/lua/$(LUA_ABI)
LIBDIR ?= $(PREFIX)/lib/lua/$(LUA_ABI)
BINDIR ?= $(PREFIX)/bin
INCDIR ?= $(PREFIX)/include
PCDIR  ?= $(PREFIX)/lib/pkgconfig

# One folder for each Lua. FLAVOUR separates the sanitized build from the ordinary one.
OUT    = $(BUILD)/$(FLAVOUR)$(LUA_NAME)
CORE   = $(OUT)/oneflow/core.so
OBJECT = $(OUT)/obj
SOURCES = $(sort $(wildcard csrc/*.c))
OBJECTS = $(patsubst csrc/%.c,$(OBJECT)/%.o,$(SOURCES))
STATIC  = $(OUT)/liboneflow.a
LUA_FILES = $(sort $(shell find lua -type f))
# These are for developers, and are not in the static library.
LUA_FILES_ABSENT = $(filter lua/oneflow/annotations.lua lua/oneflow/testing.lua lua/oneflow/cli/% lua/oneflow/sandbox/%,$(LUA_FILES))
LUA_FILES_STATIC = $(filter-out $(LUA_FILES_ABSENT),$(LUA_FILES))

ifeq ($(shell uname -s),Darwin)
LIBFLAG ?= -bundle -undefined dynamic_lookup
else
LIBFLAG ?= -shared
endif

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wformat-security
# WERROR=1, set by .ci/run, makes warnings errors. Not the default, because other compilers may have more warnings.
ifneq ($(filter-out 0 no,$(WERROR)),)
WARNINGS += -Werror
endif

# Hardening: each flag is used only if compiler and linker accept it. Never `-z nodlopen`: Lua loads modules with dlopen.
# `-z nodelete` because libcurl's resolver threads may outlive lua_close.
HARDENING_WANTED = -fstack-protector-strong -fstack-clash-protection -fcf-protection \
  -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=2 \
  -Wl,-z,relro -Wl,-z,now -Wl,-z,nodelete -Wl,-z,noexecstack -Wl,--as-needed
probe = $(shell t=$$(mktemp -d) && echo 'int main(void) { return 0; }' > $$t/t.c && for f in $(1); do \
  $(CC) $(CFLAGS) -Werror $$f -o $$t/t $$t/t.c >/dev/null 2>&1 && printf '%s ' "$$f"; done; rm -rf "$$t")
# Expanded once, and only when something is compiled: help and deps must run where there is no compiler.
HARDENING = $(eval HARDENING := $(call probe,$(HARDENING_WANTED)))$(HARDENING)

# LuaRocks passes these folders; otherwise pkg-config finds them.
PKG_CONFIG ?= pkg-config
pkg = $(shell for p in $(2); do $(PKG_CONFIG) --exists $$p 2>/dev/null && { $(PKG_CONFIG) $(1) $$p; break; }; done)
LUA_INC   = $(eval LUA_INC := $(if $(LUA_INCDIR),-I$(LUA_INCDIR),$(call pkg,--cflags,$(if $(filter 5.1,$(LUA_ABI)),luajit,lua$(LUA_ABI) lua-$(LUA_ABI)))))$(LUA_INC)
CURL_INC  = $(if $(CURL_INCDIR),-I$(CURL_INCDIR),$(call pkg,--cflags,libcurl))
CURL_LIB  = $(if $(CURL_LIBDIR),-L$(CURL_LIBDIR) -lcurl,$(or $(call pkg,--libs,libcurl),$(shell curl-config --libs 2>/dev/null)))
ZLIB_INC  = $(if $(ZLIB_INCDIR),-I$(ZLIB_INCDIR),$(call pkg,--cflags,zlib))
ZLIB_LIB  = $(if $(ZLIB_LIBDIR),-L$(ZLIB_LIBDIR) -lz,$(or $(call pkg,--libs,zlib),-lz))
CRYPTO_INC = $(if $(CRYPTO_INCDIR),-I$(CRYPTO_INCDIR),$(call pkg,--cflags,libcrypto))
CRYPTO_LIB = $(if $(CRYPTO_LIBDIR),-L$(CRYPTO_LIBDIR) -lcrypto,$(or $(call pkg,--libs,libcrypto),-lcrypto))
LIBS = $(eval LIBS := $(CURL_LIB) $(CRYPTO_LIB) $(ZLIB_LIB) -lpthread -lm)$(LIBS)

# _GNU_SOURCE: what the core uses beyond C11 is POSIX's, and some of it only glibc's.
STANDARD = -std=c11 -D_GNU_SOURCE
COMPILE = $(CC) $(STANDARD) $(WARNINGS) -fPIC -fvisibility=hidden $(HARDENING_C) $(CPPFLAGS) $(CFLAGS) $(EXTRA) $(INCLUDES)
INCLUDES = $(LUA_INC) $(CURL_INC) $(CRYPTO_INC) $(ZLIB_INC)
LINK    = $(CC) $(LIBFLAG) $(CFLAGS) $(EXTRA) $(HARDENING_LD) $(LDFLAGS)
HARDENING_C  = $(filter-out -Wl$(comma)%,$(HARDENING))
HARDENING_LD = $(filter -Wl$(comma)%,$(HARDENING))
comma = ,

# V=1 shows the commands.
Q    = $(if $(V),,@)
SHOW = @$(if $(V),true,echo)

MAKEFLAGS += --no-print-directory
# lua5.4 and lua5.3 prefer these to LUA_PATH and LUA_CPATH; a developer's own settings must not take precedence here.
unexport LUA_PATH_5_4 LUA_CPATH_5_4 LUA_PATH_5_3 LUA_CPATH_5_3 LUA_INIT LUA_INIT_5_4 LUA_INIT_5_3

LUA_PATH_HERE  = $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;
LUA_CPATH_HERE = $(abspath $(OUT))/?.so;;
# The environment for programs of this tree; the specs read from ONEFLOW_LUA which Lua they run on.
RUN = env LUA_PATH='$(LUA_PATH_HERE)' LUA_CPATH='$(LUA_CPATH_HERE)' ONEFLOW_LUA='$(LUA)'
export BUILD

.DEFAULT_GOAL := help
.PHONY: help deps deps-tools build static host threads loop_host env demo example site test specs docs lint symbols memcheck \
  sanitize races fuzz oom bench install install-static uninstall rock clean FORCE
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
	@echo "LUA=lua5.4 (default), lua5.3 or luajit chooses the Lua of build, static, host, env, demo, specs and install."

deps: ## install missing packages with apt; does nothing if none is missing
	@.ci/deps $(foreach d,$(DEPS),'$d')

deps-tools: deps
	@.ci/deps $(foreach d,$(DEPS_TOOLS),'$d')

build: $(CORE) ## compile the C core into build/<lua>/oneflow/core.so
	@$(LUA) -e 'require "cjson"' 2>/dev/null || { \
	  echo "oneflow needs lua-cjson, and $(LUA) does not find it. Either of these brings it:"; \
	  echo "  apt-get install lua-cjson"; \
	  echo "  luarocks --lua-version $(LUA_ABI) install lua-cjson"; exit 1; } >&2

$(CORE): $(OBJECTS) $(OBJECT)/flags
	@mkdir -p $(@D)
	$(SHOW) LINK $@
	$(Q)$(LINK) -o $@.new $(OBJECTS) $(LIBS) && mv $@.new $@

$(OBJECT)/%.o: csrc/%.c $(OBJECT)/flags
	@mkdir -p $(@D)
	$(SHOW) "CC   $@"
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

# A change of the flags or the compiler rebuilds everything.
$(OBJECT)/flags: FORCE
	@test -n "$(SOURCES)" || { echo "no csrc/*.c here" >&2; exit 1; }
	@mkdir -p $(@D)
	@printf '%s\n' '$(COMPILE)' '$(LINK)' '$(LIBS)' | cmp -s - $@ || printf '%s\n' '$(COMPILE)' '$(LINK)' '$(LIBS)' > $@

-include $(wildcard $(OBJECT)/*.d $(OBJECT)/static/*.d)

static: $(STATIC) ## compile build/<lua>/liboneflow.a for C programs; the library's Lua files are in it

# One object in which only the names of oneflow.h are visible, so no other name can conflict with one of the host's.
# csrc/static is not part of the shared object.
$(STATIC): $(OBJECTS) $(OBJECT)/static/oneflow.o $(OBJECT)/static/embedded.o
	$(SHOW) AR $@
	$(Q)$(LD) -r -o $(OBJECT)/liboneflow.o $^ && $(OBJCOPY) --localize-hidden $(OBJECT)/liboneflow.o && \
	  rm -f $@ && $(AR) rcs $@ $(OBJECT)/liboneflow.o
OBJCOPY ?= objcopy

$(OBJECT)/static/embedded.o: $(OBJECT)/static/embedded.c csrc/static/embedded.h $(OBJECT)/flags
	$(SHOW) "CC   $@"
	$(Q)$(COMPILE) -Icsrc/static -c -o $@ $<

$(OBJECT)/static/embedded.c: csrc/static/embed.lua $(LUA_FILES_STATIC) $(OBJECT)/files
	@mkdir -p $(@D)
	$(Q)$(LUA) csrc/static/embed.lua lua $(LUA_FILES_STATIC) -- $(LUA_FILES_ABSENT) > $@

# A change of the list of Lua files, including a removal, embeds them again.
$(OBJECT)/files: FORCE
	@mkdir -p $(@D)
	@echo '$(LUA_FILES_STATIC) -- $(LUA_FILES_ABSENT)' | cmp -s - $@ || \
	  echo '$(LUA_FILES_STATIC) -- $(LUA_FILES_ABSENT)' > $@

# An example, and how a program is linked with the static library; CJSON_LIB is lua-cjson as an archive, Debian's if not given.
LUA_LIB = $(call pkg,--libs,$(if $(filter 5.1,$(LUA_ABI)),luajit,lua$(LUA_ABI) lua-$(LUA_ABI)))
CJSON_LIB ?= -l:liblua$(LUA_ABI)-cjson.a
host: $(OUT)/host ## compile examples/host, a C program that runs untrusted scripts, into build/<lua>/host
threads: $(OUT)/threads # of the specs
loop_host: $(OUT)/loop_host
$(OUT)/host: examples/host/host.c
$(OUT)/threads: spec/support/threads.c
$(OUT)/loop_host: spec/support/loop_host.c
$(OUT)/host $(OUT)/threads $(OUT)/loop_host: csrc/oneflow.h $(STATIC)
	$(SHOW) "CC   $@"
	$(Q)$(CC) -std=c11 $(WARNINGS) $(CFLAGS) $(EXTRA) -Icsrc $(LUA_INC) -o $@ $(filter %.c,$^) $(STATIC) \
	  $(CJSON_LIB) $(LUA_LIB) $(LIBS)

env: ## print the exports that make this tree's oneflow loadable: eval "$(make env)"
	@echo "export LUA_PATH='$(LUA_PATH_HERE)'; export LUA_CPATH='$(LUA_CPATH_HERE)'"

demo: deps ## start a sandbox and show the library with it; installs and builds what it needs
	@$(MAKE) build >/dev/null
	@$(MAKE) build LUA=luajit >/dev/null
	@$(RUN) $(LUA) examples/demo.lua

example: deps ## run examples/contract.lua: from a template to the signed PDF, with a webhook receiver in nginx
	@$(MAKE) build >/dev/null
	@$(MAKE) build LUA=luajit >/dev/null
	@$(RUN) $(LUA) examples/contract.lua

site: deps ## start examples/nginx, a site in nginx, against a sandbox, until Ctrl-C; installs and builds what it needs
	@$(MAKE) build >/dev/null
	@$(MAKE) build LUA=luajit >/dev/null
	@$(LUA) examples/nginx/run

test: deps ## install, build and run every spec on all three Luas
	@for lua in $(LUAS); do $(MAKE) build LUA=$$lua >/dev/null || exit 1; done
	@.ci/specs $(LUAS)

specs: build ## run SPEC=spec/... (all, if not given) on the chosen Lua only
	@.ci/specs $(LUA)

docs: build ## write docs/reference.md and the editors' annotations from the endpoint table
	@$(RUN) $(LUA) docs/make.lua

lint: deps-tools ## luacheck, clang-format, clang-tidy, the rockspec, no circle of files, and that the core exports one symbol
	luacheck --quiet .
	.ci/rooms
	clang-format --dry-run --Werror $(wildcard csrc/*.[ch] csrc/static/*.[ch] bench/*.[ch] examples/host/*.c spec/support/*.[ch])
	clang-tidy --quiet $(SOURCES) csrc/static/oneflow.c -- $(STANDARD) $(CPPFLAGS) $(INCLUDES)
	clang-tidy --quiet examples/host/host.c -- -std=c11 -Icsrc $(CPPFLAGS) $(LUA_INC)
	luarocks --lua-version 5.4 lint rockspec/oneflow-dev-1.rockspec
	@for lua in $(LUAS); do $(MAKE) symbols LUA=$$lua || exit 1; done

symbols: build static
	@exported=$$(nm -D --defined-only $(CORE) | awk '{ print $$NF }'); \
	if [ "$$exported" != luaopen_oneflow_core ]; then echo "$(CORE) exports:" $$exported >&2; exit 1; fi; \
	echo "$(CORE) exports luaopen_oneflow_core and nothing else"
	@visible=$$(nm -g --defined-only $(STATIC) | awk 'NF == 3 { print $$3 }' | sort | tr '\n' ' '); \
	named=$$(sed -n 's/^ONEFLOW_API.*[ *]\([a-z_]*\)(.*/\1/p' csrc/oneflow.h | sort | tr '\n' ' '); \
	if [ "$$visible" != "$$named" ]; then echo "$(STATIC) has: $$visible; oneflow.h: $$named" >&2; exit 1; fi; \
	echo "$(STATIC) has the names of oneflow.h and no other: $$visible"

# Specs whose subject is time are tagged #timing; under valgrind everything is 30 times slower.
MEMCHECK_SPEC ?= $(wildcard spec/unit spec/wire) spec/fault/thread_spec.lua spec/fault/files_thread_spec.lua
memcheck: deps-tools build ## run a part of the specs under valgrind: an invalid access or a definite leak is an error
	@WRAP="valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
	  --errors-for-leak-kinds=definite --child-silent-after-fork=yes $(if $(wildcard spec/support/valgrind.supp),--suppressions=spec/support/valgrind.supp)" \
	SPEC="$(or $(SPEC),$(MEMCHECK_SPEC))" BUSTED="--exclude-tags=timing $(BUSTED)" ONEFLOW_SLOW=1 .ci/specs $(LUA)

# Both sanitizers belong to the process that runs the specs; what it starts gets the ordinary core, see .ci/sanitized.lua.
# $(call sanitized,FLAVOUR,compiler flags,library,its options,specs,tags left out)
sanitized = $(MAKE) $(BUILD)/$(1)-$(LUA_NAME)/oneflow/core.so FLAVOUR=$(1)- CFLAGS='-O1 -g' EXTRA='$(2)' \
    HARDENING_WANTED=-Wl,-z,nodelete >/dev/null && \
  WRAP="env LD_PRELOAD=$$($(CC) -print-file-name=$(3).so) $(4)" \
  FLAVOUR=$(1)- SPEC="$(5)" BUSTED="--exclude-tags=$(6) --helper=.ci/sanitized.lua $(BUSTED)" \
  ONEFLOW_SLOW=1 PLAIN_CPATH='$(LUA_CPATH_HERE)' .ci/specs $(LUA)

sanitize: deps build ## run the specs on a core with AddressSanitizer and UBSan, leaks included
	@$(MAKE) build LUA=luajit >/dev/null
	@$(call sanitized,sanitize,-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer,libasan,\
	  ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=98 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	  $(if $(wildcard spec/support/lsan.supp),LSAN_OPTIONS=suppressions=spec/support/lsan.supp),$(SPEC),timing)

# A sanitized process has a thread of the sanitizer, so fork does not work well in it.
RACES_SPEC ?= spec/fault/thread_spec.lua spec/fault/files_thread_spec.lua spec/wire/gatherer_spec.lua
races: deps build ## run the specs of the I/O thread on a core with ThreadSanitizer
	@$(call sanitized,races,-fsanitize=thread,libtsan,TSAN_OPTIONS=exitcode=66:suppressions=$(CURDIR)/spec/support/tsan.supp,$(or $(SPEC),$(RACES_SPEC)),fork$(comma)idle)

OOM_SPEC = spec/fault/allocations_spec.lua spec/fault/out_of_memory_spec.lua spec/fault/decode_memory_spec.lua
oom: deps ## make each allocation fail, once and from then on: Lua's, and each malloc on both threads; on all three Luas
	@for lua in $(LUAS); do $(MAKE) build LUA=$$lua >/dev/null || exit 1; done
	@SPEC="$(OOM_SPEC)" .ci/specs $(LUAS)

# TRIALS="json answer" runs these only; SECONDS_EACH=10; KEEP=1 keeps what was found in spec/fuzz/corpus.
fuzz: deps-tools ## run the parsers of external input on mutated input, guided by coverage, for some seconds each
	@$(MAKE) $(BUILD)/fuzz-lua5.4/fuzz LUA=lua5.4 FLAVOUR=fuzz- CC=clang CFLAGS='-O1 -g' HARDENING_WANTED= \
	  EXTRA='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined' >/dev/null
	@BUILD=$(BUILD) spec/fuzz/run.sh $(BUILD)/fuzz-lua5.4/fuzz $(TRIALS)

$(OUT)/fuzz: spec/fuzz/fuzz.c $(OBJECTS) $(OBJECT)/static/oneflow.o $(OBJECT)/static/embedded.o
	$(Q)$(CC) -std=c11 $(WARNINGS) $(CFLAGS) $(EXTRA) -fsanitize=fuzzer $(LUA_INC) $(CURL_INC) -o $@ $^ \
	  $(CJSON_LIB) $(LUA_LIB) $(LIBS)

# PARTS="sequential many" runs these only; ROUNDS=5.
bench: deps-tools ## compare with libcurl in C, lua-cjson, cosockets and others, as ratios; takes some minutes
	@for lua in lua5.4 luajit; do $(MAKE) build LUA=$$lua >/dev/null || exit 1; done
	@mkdir -p $(BUILD)/bench
	@for program in raw raw_multi; do \
	  $(CC) -std=c11 -O2 -Wall -Wextra -o $(BUILD)/bench/$$program bench/$$program.c \
	    $(shell $(PKG_CONFIG) --cflags --libs lua5.4 libcurl) || exit 1; done
	@bench/run.sh $(PARTS)

install: build ## install for the chosen Lua under PREFIX=/usr/local (DESTDIR, LUADIR, LIBDIR, BINDIR)
	@for file in $(LUA_FILES:lua/%=%); do \
	  install -d "$(DESTDIR)$(LUADIR)/$$(dirname $$file)" && \
	  install -m 644 "lua/$$file" "$(DESTDIR)$(LUADIR)/$$file" || exit 1; done
	install -d "$(DESTDIR)$(LIBDIR)/oneflow" "$(DESTDIR)$(BINDIR)"
	install -m 755 $(CORE) "$(DESTDIR)$(LIBDIR)/oneflow/core.so"
	sed '1s|^#!.*|#!/usr/bin/env $(LUA_NAME)|' bin/oneflow > $(OBJECT)/oneflow
	install -m 755 $(OBJECT)/oneflow "$(DESTDIR)$(BINDIR)/oneflow"

# The file for pkg-config is named after its Lua, as others are; the archive is in the folder of its Lua.
LUA_PC = $(shell for p in $(if $(filter 5.1,$(LUA_ABI)),luajit,lua$(LUA_ABI) lua-$(LUA_ABI)); do $(PKG_CONFIG) --exists $$p && \
  { echo $$p; break; }; done)
install-static: static ## install oneflow.h, liboneflow.a and its pkg-config file (INCDIR, LIBDIR, PCDIR)
	install -d "$(DESTDIR)$(INCDIR)" "$(DESTDIR)$(LIBDIR)" "$(DESTDIR)$(PCDIR)"
	install -m 644 csrc/oneflow.h "$(DESTDIR)$(INCDIR)/oneflow.h"
	install -m 644 $(STATIC) "$(DESTDIR)$(LIBDIR)/liboneflow.a"
	@printf '%s\n' 'Name: oneflow-$(LUA_NAME)' 'Description: Client for the contract API of Oneflow AB, for programs that embed Lua' \
	  'Version: $(shell sed 's/[^0-9.]//g' lua/oneflow/version.lua)' 'Requires: libcurl libcrypto zlib $(LUA_PC)' \
	  'Libs: -L$(LIBDIR) -loneflow -lpthread -lm' 'Cflags: -I$(INCDIR)' > $(OBJECT)/pc
	install -m 644 $(OBJECT)/pc "$(DESTDIR)$(PCDIR)/oneflow-$(LUA_NAME).pc"

uninstall: ## remove what install and install-static put there
	@for file in $(LUA_FILES:lua/%=%); do rm -f "$(DESTDIR)$(LUADIR)/$$file"; done
	rm -f "$(DESTDIR)$(LIBDIR)/oneflow/core.so" "$(DESTDIR)$(BINDIR)/oneflow" "$(DESTDIR)$(INCDIR)/oneflow.h" \
	  "$(DESTDIR)$(LIBDIR)/liboneflow.a" "$(DESTDIR)$(PCDIR)/oneflow-$(LUA_NAME).pc"
	@find "$(DESTDIR)$(LUADIR)/oneflow" -depth -type d -empty -delete 2>/dev/null; \
	rmdir "$(DESTDIR)$(LIBDIR)/oneflow" 2>/dev/null; true

rock: deps-tools ## luarocks make and pack, then install the packed rock in an empty tree and load it there
	@.ci/rock

clean: ## remove what was built
	rm -rf build *.rock
