#include "run/find_checkpoint.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/error.h"
#include "run/checkpoint/checkpoint_name.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxStepsNamed = 20;

// "runs/first@newest" taken apart at its last @.
struct Reference {
  fs::path run;
  std::string name;
};

std::optional<Reference> take_apart(const fs::path& reference) {
  std::error_code error;
  if (fs::exists(reference, error)) return std::nullopt;
  const std::string text = reference.string();
  const size_t at = text.rfind('@');
  if (at == text.npos || !fs::is_directory(text.substr(0, at), error)) return std::nullopt;
  return Reference{text.substr(0, at), text.substr(at + 1)};
}

std::string complete_steps(const std::vector<CheckpointStatus>& checkpoints) {
  std::vector<int64_t> steps;
  for (const CheckpointStatus& status : checkpoints) {
    if (status.complete) steps.push_back(status.step);
  }
  if (steps.empty()) return "the run has no complete checkpoint";
  const size_t left_out = steps.size() - std::min(steps.size(), kMaxStepsNamed);
  steps.resize(steps.size() - left_out);
  std::reverse(steps.begin(), steps.end());
  std::string text = "complete: ";
  if (left_out > 0) text += fmt::format("{} older ones", left_out);
  for (size_t i = 0; i < steps.size(); ++i) {
    text += (i > 0 || left_out > 0 ? ", " : "") + checkpoint_name(steps[i]);
  }
  return text;
}

const CheckpointStatus& named_checkpoint(const Reference& reference,
                                         const std::vector<CheckpointStatus>& checkpoints) {
  const std::optional<int64_t> step = checkpoint_step(reference.name);
  if (!step && reference.name != "newest") {
    throw UserError("{}@{}: expected @newest or @step-N behind the run's directory ({})",
                    reference.run.string(), reference.name, complete_steps(checkpoints));
  }
  for (const CheckpointStatus& status : checkpoints) {
    if (step && status.step == *step && !status.complete) {
      throw UserError("{}@{}: that checkpoint is not complete: {} ({})", reference.run.string(),
                      reference.name, status.problem, complete_steps(checkpoints));
    }
    if (status.complete && (!step || status.step == *step)) return status;
  }
  throw UserError("{}@{}: there is no such checkpoint; {}", reference.run.string(), reference.name,
                  complete_steps(checkpoints));
}

FoundCheckpoint find_in_run(const fs::path& shown, const RunDirectory& run) {
  Recommendation recommendation = recommend_checkpoint(run);
  if (recommendation.step < 0) {
    throw UserError("{}: the run has no complete checkpoint yet", shown.string());
  }
  const fs::path path = recommendation.path;
  return {path, fmt::format("{}: {}", shown.string(), recommendation.description()),
          std::move(recommendation)};
}

// Beside one that was named: what the run's name alone would have meant.
std::string described(const std::string& what, const fs::path& shown, const RunDirectory& run) {
  std::string text = fmt::format("{}: {}", shown.string(), what);
  const Recommendation recommendation = recommend_checkpoint(run);
  if (recommendation.action == Recommendation::Action::kUse) {
    text += "; recommended is " + checkpoint_name(recommendation.step);
  } else if (recommendation.action == Recommendation::Action::kKeep) {
    text += fmt::format("; recommended is to keep {}", recommendation.start_name());
  }
  return text;
}

}  // namespace

FoundCheckpoint find_checkpoint(const fs::path& reference) {
  if (const auto apart = take_apart(reference)) {
    const RunDirectory run(fs::canonical(apart->run));
    if (!run.exists()) {
      throw UserError("{}: {} is not a run's output_dir, so @{} names nothing in it",
                      reference.string(), apart->run.string(), apart->name);
    }
    const std::vector<CheckpointStatus> checkpoints = run.checkpoints();
    const CheckpointStatus& status = named_checkpoint(*apart, checkpoints);
    return {status.path,
            described(checkpoint_name(status.step) +
                          (apart->name == "newest" ? ", the newest one" : ", as named"),
                      apart->run, run)};
  }
  std::error_code error;
  // Through links such as a run's `latest`: a checkpoint is known by its directory's own name.
  const fs::path path = fs::canonical(reference, error);
  if (error || !fs::is_directory(path, error)) {
    throw UserError(
        "{}: no such directory; expected a run's output_dir (RUN, RUN@newest or RUN@step-N) or a "
        "checkpoint in it",
        reference.string());
  }
  const RunDirectory run(path);
  if (run.exists()) return find_in_run(reference, run);
  const CheckpointStatus status = inspect_checkpoint(path);
  if (!status.complete) {
    throw UserError("{}: neither a run's output_dir nor a complete checkpoint: {}", path.string(),
                    status.problem);
  }
  const RunDirectory home(path.parent_path());
  const std::string what = checkpoint_name(status.step) + ", as named";
  return {path, home.exists() ? described(what, reference, home)
                              : fmt::format("{}: {}", reference.string(), what)};
}

bool is_checkpoint_reference(const fs::path& reference) {
  return take_apart(reference).has_value();
}

}  // namespace temper
