# Everything is made in build/ and target/. Each step is named as it begins; the
# first that fails ends it.
#
#   make              the C libraries and examples/wsio_cat, in build/
#   make demo         installs what is missing, builds, and shows it at work
#   make test         the tests, but the slow ones
#   make bench        measures wsio beside other clients (docs/PERFORMANCE.md)
#   make check-slow   soak, valgrind, sanitizers, fuzzing, conformance, and all of it
#                     with a second libwebsockets
#   make install PREFIX=/usr/local
#   make clean
#
# CMAKE_ARGS is for CMake: make CMAKE_ARGS=-DWSIO_ABI=2016-03

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

PREFIX ?= /usr/local
CMAKE_ARGS ?=
BUILD := build

# Where rustup and Debian's servers are, also for shells that do not look there.
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/sbin
export CARGO_TERM_QUIET := true
# CMake hands its own job count to make; ctest needs to be told.
JOBS := $(shell nproc)
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)
export CTEST_PARALLEL_LEVEL := $(JOBS)

step = @printf '\n== %s\n'

# $(call configure,folder,options), $(call ctest,folder,options): without the
# lines that only say that all is well.
configure = cmake -S . -B $(1) -DCMAKE_RULE_MESSAGES=OFF -DCMAKE_TARGET_MESSAGES=OFF $(2) > /dev/null
ctest = ctest --test-dir $(1) --output-on-failure --no-tests=error $(2) \
	| grep -vE '^ *Start +[0-9]+: | Passed  +[0-9.]+ sec$$|^Internal ctest changing'

.PHONY: build
build: deps
	$(step) 'Building libwsio, in build/lib'
	@$(call configure,build,-DWSIO_TESTS=OFF $(CMAKE_ARGS))
	@cmake --build build

.PHONY: deps
deps:
	@scripts/install-deps

.PHONY: demo
demo: build
	@$(call configure,build,-DWSIO_TESTS=ON)
	@cmake --build build --target echo_server
	@WSIO_BUILD=build scripts/demo

.PHONY: install
install:
	@[ -e build/lib/libwsio.a ] || $(MAKE) build
	@cmake --install build --prefix '$(PREFIX)'

.PHONY: clean
clean:
	rm -rf build target

# Tests -------------------------------------------------------------------------

.PHONY: test
test: test-deps lint test-rust test-c test-fuzz
	$(step) 'All tests passed'

.PHONY: test-deps
test-deps:
	@scripts/install-deps --tests
	@scripts/python-env build/python

.PHONY: lint
lint:
	$(step) 'Format and lints'
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets -- -D warnings
	@cargo clippy --locked --workspace --all-targets --features abi-2016-03,permessage-deflate -- -D warnings
	@cargo clippy --locked --release --lib --no-default-features --features wsio -- -D warnings
	@cargo clippy --locked --release --lib --no-default-features --features wsio,abi-2016-03,permessage-deflate -- -D warnings
	@cargo clippy --locked --release --lib --no-default-features --features websock -- -D warnings

.PHONY: test-rust
test-rust:
	$(step) 'Rust tests'
	@cargo test --locked --workspace
	$(step) 'Rust tests, ABI 2016-03'
	@cargo test --locked --features abi-2016-03,permessage-deflate

.PHONY: test-c
test-c:
	$(step) 'C tests'
	@$(call configure,$(BUILD),$(test_options) -DWSIO_VALGRIND=OFF $(CMAKE_ARGS))
	@cmake --build $(BUILD)
	@$(call ctest,$(BUILD),-LE slow)
	$(step) 'C tests, ABI 2016-03'
	@$(call configure,$(BUILD)/2016-03,-DWSIO_ABI=2016-03 -DWSIO_CARGO_TARGET_DIR='$(CURDIR)/$(BUILD)/cargo' $(CMAKE_ARGS))
	@cmake --build $(BUILD)/2016-03
	@$(call ctest,$(BUILD)/2016-03,-L 'contract|install')
	$(step) 'C tests under valgrind (all of them: make check-slow)'
	@$(call configure,$(BUILD),-DWSIO_VALGRIND=ON)
	@$(call ctest,$(BUILD),-R '$(quick_valgrind)')
	@$(call configure,$(BUILD),-DWSIO_VALGRIND=OFF)

test_options := -DWSIO_TESTS=ON -DWSIO_ABI=2016-01 \
	-DWSIO_TEST_PYTHON='$(CURDIR)/build/python/bin/python'
# A few of each kind.
quick_valgrind := ^contract_(destroy|torture)\.|^test_goodbye\.

.PHONY: test-fuzz
test-fuzz:
	$(step) 'Fuzzing, in short'
	@WSIO_FUZZ_BUILD=$(BUILD)/fuzz fuzz/run --smoke $(or_skip)

# What may not be possible on this machine says so (status 77).
or_skip = || [ $$? = 77 ]

# Benchmark -------------------------------------------------------------------

.PHONY: bench
bench: build
	@scripts/install-deps --bench
	$(step) 'Measuring'
	@bench/run $(BENCH_ARGS)

# Slow checks -------------------------------------------------------------------

# With each libwebsockets, and once.
each := check-long check-valgrind check-sanitizers check-fuzz check-conformance
once := check-instructions check-msrv check-lws

.PHONY: check-slow
check-slow: test-deps
	@$(call in_turn,$(each) $(once))
	$(step) 'All slow checks passed'

# $(call in_turn,targets): makes them, and says how long each took.
in_turn = times=; \
	for check in $(1); do \
		SECONDS=0; \
		$(MAKE) $$check; \
		times+=$$(printf '%-20s%3d:%02d' $$check $$((SECONDS / 60)) $$((SECONDS % 60)))$$'\n'; \
	done; \
	printf '\n%s' "$$times"

.PHONY: check-long
check-long:
	$(step) 'Tests that take long'
	@$(call configure,$(BUILD),$(test_options) -DWSIO_VALGRIND=OFF $(CMAKE_ARGS))
	@cmake --build $(BUILD)
	@$(call ctest,$(BUILD),-L slow)
	@PROPTEST_CASES=200000 cargo test --locked --test model
	@PROPTEST_CASES=20000 cargo test --locked --test model_sockets

# The soak measures memory itself, process plays the same again and again, and
# torture has a malloc of its own.
.PHONY: check-valgrind
check-valgrind:
	$(step) 'All C tests under valgrind'
	@$(call configure,$(BUILD),$(test_options) -DWSIO_VALGRIND=ON $(CMAKE_ARGS))
	@cmake --build $(BUILD)
	@$(call ctest,$(BUILD),-LE 'install|torture' -E '^hostile_(soak|process)\.')
	@$(call configure,$(BUILD),-DWSIO_VALGRIND=OFF)

# Address finds leaks, too, and undefined behaviour in C; thread finds data races.
sanitizers := check-sanitizer-address check-sanitizer-thread
.PHONY: check-sanitizers $(sanitizers)
check-sanitizers: $(sanitizers)

$(sanitizers): folder = $(BUILD)/sanitizer-$*
$(sanitizers): check-sanitizer-%:
	$(step) 'All C tests with the $* sanitizer'
	@clang=$$(scripts/find-clang $(*:address=address,undefined)) || { [ $$? = 77 ]; exit; }; \
	$(call configure,$(folder),$(test_options) -DWSIO_SANITIZER=$* -DCMAKE_C_COMPILER=$$clang $(CMAKE_ARGS)); \
	cmake --build $(folder); \
	$(call ctest,$(folder))

.PHONY: check-fuzz
check-fuzz:
	$(step) 'Fuzzing'
	@WSIO_FUZZ_BUILD=$(BUILD)/fuzz fuzz/run 60 $(or_skip)

.PHONY: check-conformance
check-conformance:
	$(step) 'Conformance'
	@WSIO_STATIC_LIB=$(BUILD)/lib/libwsio.a conformance/run $(BUILD) $(or_skip)

.PHONY: check-instructions
check-instructions: build
	$(step) 'What the hot paths cost'
	@bench/instructions/run build/lib/libwsio.a build/instructions $(or_skip)

.PHONY: check-msrv
check-msrv:
	$(step) 'The oldest Rust that is supported'
	@rust=$$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml); \
	toolchain=$$(rustup toolchain list 2> /dev/null | grep -m 1 -o "^$$rust[^ ]*") \
		|| { echo "skipped: rustup toolchain install $$rust"; exit 0; }; \
	cargo +$$toolchain build --locked --release --lib --no-default-features --features wsio,websock --target-dir build/msrv

.PHONY: check-lws
check-lws:
	$(step) 'All of it with libwebsockets 4.3'
	@lws=$$(scripts/fetch-lws build/lws-4.3) \
		&& env $$lws CARGO_TARGET_DIR=$(CURDIR)/build/lws-4.3/target \
			$(MAKE) with-this-lws BUILD=build/lws-4.3/build $(or_skip)

.PHONY: with-this-lws
with-this-lws:
	@$(call in_turn,test-rust test-c $(each))
