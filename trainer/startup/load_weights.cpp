#include "trainer/startup/load_weights.h"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "comm/agreement.h"
#include "io/json.h"
#include "model/hf_weights.h"

namespace temper {
namespace {

// Each rank has looked at what it reads.
void warn_together(const std::filesystem::path& directory, const std::vector<std::string>& mine,
                   ProcessGroup& group) {
  std::set<std::string> names;
  for (const std::string& text : group.all_gather_text(Json(mine).dump())) {
    for (const Json& name : parse_json(text, "names of tensors")) names.insert(name);
  }
  warn_of_non_finite(directory.string(), {names.begin(), names.end()});
}

}  // namespace

void load_weights(const RunSetup& setup, ShardedModel& model, ProcessGroup& group) {
  std::vector<const WeightSource*> sources = {setup.base.get(), setup.initial_lora.get()};
  // It comes before the base, whose embedding or head it may replace.
  if (setup.earlier_adapter) sources.insert(sources.begin(), setup.earlier_adapter.get());
  run_agreed(group, [&] { model.load(ChainedWeights(sources)); });
  warn_together(setup.config.base_model, setup.base->non_finite_tensors(), group);
  if (setup.earlier_adapter) {
    warn_together(setup.config.lora_model_dir, setup.earlier_adapter->non_finite_tensors(), group);
  }
}

}  // namespace temper
