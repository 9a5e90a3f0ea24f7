#!/usr/bin/env bash
# Runs every fuzzer for long, one after the other: SOAK_SECONDS each (600), only those named in
# FUZZERS when it is set. libFuzzer where clang is, else the built-in driver. What makes one fail is
# left in build/fuzz/findings/NAME; then this exits 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=${SOAK_SECONDS:-600}
jobs=${JOBS:-$(nproc)}
preset=release
if command -v clang++ >/dev/null; then preset=fuzz; fi
cmake --preset "$preset" >/dev/null
targets=()
for name in ${FUZZERS:-}; do targets+=("temper_fuzz_$name"); done
if ((${#targets[@]} == 0)); then targets=(fuzzers); fi
cmake --build "build/$preset" --parallel "$jobs" --target "${targets[@]}"

failed=()
for program in "$PWD/build/$preset"/tests/bin/temper_fuzz_*; do
  name=${program##*/temper_fuzz_}
  if [[ -n ${FUZZERS:-} && " $FUZZERS " != *" $name "* ]]; then continue; fi
  findings=$PWD/build/fuzz/findings/$name
  corpus=$PWD/tests/fuzz/corpus/$name
  log=$findings/log
  mkdir -p "$findings" "$PWD/build/fuzz/soak/$name"
  if [[ $preset == fuzz ]]; then
    run=("$program" "-max_total_time=$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1
         "-artifact_prefix=$findings/" "$PWD/build/fuzz/soak/$name" "$corpus")
  else
    run=("$program" "$seconds" "$corpus")
  fi
  if (cd "$findings" && "${run[@]}") >"$log" 2>&1; then
    printf '%s: %s\n' "$name" "$(grep -E '^(Done|fuzz:)' "$log" | tail -n 1)"
  else
    printf '%s: failed, see %s\n' "$name" "$log"
    failed+=("$name")
  fi
done
if ((${#failed[@]})); then
  printf 'soak: %s failed\n' "${failed[*]}" >&2
  exit 1
fi
