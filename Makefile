# Thin: the work is in bootstrap.sh, CMake and CTest. Run `make` for the list of targets.

BUILD := build/release
JOBS ?= $(shell nproc)
TEST_JOBS ?= $(shell nproc)
# OpenMP's threads sleep when they wait: tests beside each other have more of them than there are cores.
CTEST = OMP_WAIT_POLICY=passive ctest --parallel $(TEST_JOBS) --output-on-failure --no-tests=error
TEMPER_ACCEPTANCE_DIR ?=
LINT ?= .
STAGES ?=
TEST_GPUS ?=

export SEED DEMO

.PHONY: help bootstrap build programs test check test-slurm cuda cuda-backends soak soak-slurm bench demo format
.PHONY: lint clean

help:
	@echo 'make build   set up what is missing and build into $(BUILD)/bin'
	@echo 'make programs   the same for temper and temper-rank alone, without the tests'
	@echo 'make test    build and run every test'
	@echo 'make check   everything that CI checks: warnings, tests, demo, sanitizers, format, layering, clang-tidy,'
	@echo '             GPU backends (STAGES="asan tidy" for some of it; tests/check.sh lists them)'
	@echo 'make cuda    build for GPUs with warnings as errors, and run the tests that need none'
	@echo 'make cuda-backends   compile and link them alone, in $(BUILD), and train with them on the CPU'
	@echo 'make test-slurm   one requeue under a real Slurm of two virtual nodes, which it installs, starts'
	@echo '             and stops itself; make soak-slurm: time limits, preemption, crashes, arrays, ...'
	@echo 'make soak    every fuzzer for SOAK_SECONDS (600); FUZZERS="name ..." for some of them; without'
	@echo '             it also TEMPER_KILLS (200) kills of runs, 1,000 flipped bits of a checkpoint, and'
	@echo '             every mutant of tests/mutants'
	@echo 'make bench   measure against other software (TEMPER_ACCEPTANCE_DIR=folder of the material)'
	@echo 'make demo    the whole product in a few minutes on a synthetic corpus (SEED=n for other facts,'
	@echo '             DEMO=quick for smaller numbers)'
	@echo 'make format  format every source file'
	@echo 'make lint    check format and clang-tidy (LINT=folder for one folder)'
	@echo 'make clean   remove build/ (.deps/ stays)'

bootstrap:
	@./bootstrap.sh

build: bootstrap
	cmake --preset release -DTEMPER_CUDA=OFF -DTEMPER_ACCEPTANCE_DIR='$(TEMPER_ACCEPTANCE_DIR)'
	cmake --build $(BUILD) --parallel $(JOBS)

# What a run needs, without the tests: the folder of the acceptance material stays as it was.
programs: bootstrap
	cmake --preset release -DTEMPER_CUDA=OFF
	cmake --build $(BUILD) --parallel $(JOBS) --target temper temper-rank

test: build
	$(CTEST) --test-dir $(BUILD)

check:
	JOBS=$(JOBS) TEST_JOBS=$(TEST_JOBS) TEMPER_ACCEPTANCE_DIR='$(TEMPER_ACCEPTANCE_DIR)' tests/check.sh $(STAGES)

# Needs nvcc. On a machine with GPUs: TEST_GPUS="1;2" registers the tests that need them.
cuda:
	./bootstrap.sh --cuda
	cmake --preset cuda -DTEMPER_WERROR=ON -DTEMPER_TEST_GPUS='$(TEST_GPUS)' -DTEMPER_ACCEPTANCE_DIR='$(TEMPER_ACCEPTANCE_DIR)'
	cmake --build build/cuda --parallel $(JOBS)
	$(CTEST) --test-dir build/cuda

# All other objects of $(BUILD) stay as they are, since only the backends see CUDA. Afterwards the programs
# there have GPUs built in; `make build` takes them out again.
cuda-backends: build
	./bootstrap.sh --cuda
	cmake $(BUILD) -DTEMPER_CUDA=ON
	cmake --build $(BUILD) --parallel $(JOBS) --target temper temper-rank temper_gpu_test \
	  temper_gpu_process_group_test temper_gpu_training_test temper_process_group_test
	$(CTEST) --test-dir $(BUILD) -R '^(process_group|integration\.(Training|Doctor))'

soak: bootstrap
	JOBS=$(JOBS) tests/fuzz/soak.sh
	test -n "$(FUZZERS)" || JOBS=$(JOBS) tests/faults/soak.sh
	test -n "$(FUZZERS)" || tests/mutants/run.py --jobs $(JOBS)

test-slurm: build
	./bootstrap.sh --slurm
	python3 tests/slurm/run_scenarios.py --bin $(BUILD)/bin refusals requeue

soak-slurm: build
	./bootstrap.sh --slurm
	python3 tests/slurm/run_scenarios.py --bin $(BUILD)/bin

# The peers go into environments of their own under build/bench.
bench: build
	cmake $(BUILD) -DTEMPER_BENCH=ON
	cmake --build $(BUILD) --parallel $(JOBS)
	python3 bench/compare_tokenizers.py --program $(BUILD)/bin/temper-bench-tokenizer --material '$(TEMPER_ACCEPTANCE_DIR)'
	python3 bench/checkpoint.py
	python3 bench/detection.py
	python3 bench/front_door.py
	$(BUILD)/bin/temper-bench-kernels
	mpirun --allow-run-as-root --oversubscribe --bind-to none -n 2 $(BUILD)/bin/temper-bench-collectives
	python3 bench/traffic.py
	python3 bench/compare_peers.py
	python3 bench/compare_trl.py
	python3 bench/determinism.py
	python3 bench/evaluation.py
	$(if $(TEMPER_ACCEPTANCE_DIR),bench/data.sh $(BUILD)/bin '$(TEMPER_ACCEPTANCE_DIR)')

demo: programs
	examples/demo.sh

format:
	git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs clang-format-14 -i

lint:
	./bootstrap.sh --lint
	tests/check.sh format layering
	run-clang-tidy-14 -quiet -p build/lint -j $(JOBS) '^$(CURDIR)/$(LINT:.=)'

clean:
	rm -rf build
