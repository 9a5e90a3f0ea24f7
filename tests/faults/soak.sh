#!/usr/bin/env bash
# Kills runs TEMPER_KILLS times (200), beginning with seed TEMPER_SEED (by default the time's), and
# flips TEMPER_BIT_FLIPS bits (1000) of a checkpoint. Prints what it did; exits 1 when anything came
# out otherwise than in an undisturbed run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export TEMPER_KILLS=${TEMPER_KILLS:-200} TEMPER_SEED=${TEMPER_SEED:-$(date +%s)}
export TEMPER_BIT_FLIPS=${TEMPER_BIT_FLIPS:-1000}
cmake --preset release >/dev/null
cmake --build build/release --parallel "${JOBS:-$(nproc)}" \
  --target temper_checkpoint_test temper_kill_campaign
log=build/soak-kills.log
failed=0
build/release/tests/bin/temper_checkpoint_test --gtest_filter='BitFlips.*' >"$log" || failed=1
build/release/tests/bin/temper_kill_campaign >>"$log" || failed=1
grep -E ' flips: | kills in ' "$log" || true
if ((failed)); then
  printf 'soak: failed, see %s\n' "$log" >&2
  exit 1
fi
