// The curves of a run: what was measured step by step, thinned for drawing.
#pragma once

#include "io/json.h"
#include "launcher/report/run_facts.h"

namespace temper {

inline constexpr size_t kMaxCurvePoints = 400;

// {train_loss, learning_rate, grad_norm, tokens_per_second, memory_bytes: [[step, value], ...],
// held_out: {SET: [[step, loss], ...]}}. Longer curves are means over stretches of equal length;
// null where a stretch has no number.
OrderedJson curve_figures(const RunFacts& facts);

// [{set, kind, targets, base, last, last_step, best, best_step, change}]: losses; change is
// relative from base (step 0) to the run's best checkpoint, or the last evaluation.
OrderedJson held_out_figures(const RunFacts& facts);

// {budget, trajectory: [[step, test loss, rise], ...], runs: [{name, step, action (of the
// recommendation), test_loss, base_test_loss, rise}]}: domain gain against forgetting, of this run
// along its steps and of others.
OrderedJson forgetting_figures(const RunFacts& facts, const std::vector<RunFacts>& others);

}  // namespace temper
