#!/usr/bin/env bash
# check.sh [STAGE...]: what every commit passes, by hand (`make check`) and in CI: all stages, or those
# named, one after the other. None hides another's failure: each runs but for those that need what
# did not build, a table at the end names the time and the outcome of each, and any failure is an exit 1.
#
#   bootstrap  what the other stages need, installed where it is missing
#   format     clang-format finds nothing to change
#   layering   no folder includes one that it may not use
#   build      the release build, where warnings are errors
#   test       every test of it
#   demo       the whole product on a small synthetic corpus, which checks its own result
#   asan       unit tests and fuzzers of the folders that read what others wrote, under the address
#              and undefined-behaviour sanitizers
#   tidy       clang-tidy on what changed since the commit in .ci/base
#   gpu        the GPU backends compile and link and stand aside, where there is a toolkit for them
#
# All of them together take at most 45 minutes on two free cores, 60 with the GPU backends. What is added
# may cost 15 minutes more; beyond that this script fails, however green the stages are.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

stages=(bootstrap format layering build test demo asan tidy gpu)
declare -A needs=([test]=build [demo]=build [gpu]=build)
limit_minutes=60
gpu_limit_minutes=75
demo_limit_seconds=600

jobs=${JOBS:-$(nproc)}
test_jobs=${TEST_JOBS:-$(nproc)}
acceptance=${TEMPER_ACCEPTANCE_DIR:-}
release=build/release
left_out=77  # the exit code of a stage that this machine has no use for

# OpenMP's threads sleep when they wait: tests beside each other have more of them than there are cores.
run_tests() { # run_tests FOLDER [OPTION...]
  OMP_WAIT_POLICY=passive ctest --test-dir "$1" --parallel "$test_jobs" --output-on-failure --no-tests=error \
    "${@:2}"
}

stage_bootstrap() {
  ./bootstrap.sh --slurm --lint
}

stage_format() {
  git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs clang-format-14 --dry-run --Werror
  echo "every source is formatted"
}

stage_layering() {
  cmake -S . -B build/lint -G Ninja -DTEMPER_PCH=OFF -DTEMPER_CCACHE=OFF \
    -DTEMPER_ACCEPTANCE_DIR="$acceptance" >/dev/null
  cmake -DSOURCE_DIR="$PWD" -DRECORD_DIR=build/lint/layering -P cmake/check_layering.cmake
}

stage_build() {
  cmake --preset release -DTEMPER_CUDA=OFF -DTEMPER_WERROR=ON -DTEMPER_ACCEPTANCE_DIR="$acceptance"
  cmake --build "$release" --parallel "$jobs"
}

stage_test() {
  run_tests "$release"
}

stage_demo() {
  DEMO=quick BIN=$PWD/$release/bin OUT=$PWD/build/demo timeout "$demo_limit_seconds" examples/demo.sh
}

stage_asan() {
  # No -Werror: g++ warns of what it cannot see through its own instrumentation. The build stage has it.
  cmake --preset asan-readers -DTEMPER_WERROR=OFF -DTEMPER_ACCEPTANCE_DIR="$acceptance"
  cmake --build build/asan-readers --parallel "$jobs"
  # Not run: those that measure how time grows with megabytes of text.
  run_tests build/asan-readers -E 'LongText|linear_time|quadratic_time'
}

stage_tidy() {
  cmake -S . -B build/lint -G Ninja -DTEMPER_PCH=OFF -DTEMPER_CCACHE=OFF \
    -DTEMPER_ACCEPTANCE_DIR="$acceptance" >/dev/null
  JOBS=$jobs tests/tidy_changed.sh
}

stage_gpu() {
  if [[ -n ${TEMPER_TORCH_DIR:-} ]] || ! nvcc --version 2>/dev/null | grep -q 'release 13\.'; then
    echo "left out: bootstrap's LibTorch is built with CUDA 13, whose toolkit is not here"
    exit "$left_out"
  fi
  make --no-print-directory cuda-backends TEMPER_ACCEPTANCE_DIR="$acceptance"
}

clock() {
  printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# Sets `used` to the seconds of CPU that all stages so far have used.
read_cpu() {
  times >"$scratch"
  used=$(awk -F '[ms ]+' 'END { printf "%d", 60 * ($1 + $3) + $2 + $4 }' "$scratch")
}

declare -A outcome wall cpu
failed=()

# Sets what the table says of STAGE. In a shell of its own, so that its first failing command ends it.
run_stage() {
  local stage=$1 needed=${needs[$1]:-} code used began used_before
  wall[$stage]='' cpu[$stage]=''
  printf '\n==== check: %s\n' "$stage"
  if [[ -n $needed && ${outcome[$needed]:-ok} != ok ]]; then
    outcome[$stage]="not run, since $needed failed"
  else
    read_cpu
    began=$SECONDS used_before=$used
    (set -e; "stage_$stage")
    code=$?
    read_cpu
    wall[$stage]=$(clock $((SECONDS - began))) cpu[$stage]=$(clock $((used - used_before)))
    case $code in
      0) outcome[$stage]=ok ;;
      "$left_out") outcome[$stage]='left out' ;;
      *) outcome[$stage]=FAILED ;;
    esac
  fi
  case ${outcome[$stage]} in ok | 'left out') ;; *) failed+=("$stage") ;; esac
  printf '==== check: %s: %s %s\n' "$stage" "${outcome[$stage]}" "${wall[$stage]}"
}

usage() {
  sed -n '2,/^set -/s/^# \{0,1\}//p' "$0"
  exit 2
}

for stage in "$@"; do
  declare -F "stage_$stage" >/dev/null || usage
done
if (($#)); then stages=("$@"); fi

scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT
for stage in "${stages[@]}"; do
  run_stage "$stage"
done

limit=$limit_minutes
if [[ ${outcome[gpu]:-left out} != 'left out' ]]; then limit=$gpu_limit_minutes; fi
if ((SECONDS > limit * 60)); then failed+=("the time, $(clock $SECONDS) of at most $limit:00"); fi

printf '\n==== check: %-10s %8s %8s  %s\n' stage wall CPU outcome
for stage in "${stages[@]}"; do
  printf '            %-10s %8s %8s  %s\n' "$stage" "${wall[$stage]}" "${cpu[$stage]}" "${outcome[$stage]}"
done
printf '            %-10s %8s           of at most %s\n' all "$(clock $SECONDS)" "$limit:00"
if ((${#failed[@]})); then
  printf '==== check: failed: %s\n' "$(IFS=,; echo "${failed[*]}" | sed 's/,/, /g')"
  exit 1
fi
echo '==== check: passed'
