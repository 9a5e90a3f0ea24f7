#include "launcher/report/evaluation_figures.h"

#include <map>

#include "common/error.h"
#include "io/input/text_input.h"
#include "run/run_directory.h"

namespace temper {
namespace {

constexpr size_t kMaxFileBytes = size_t{64} << 20;

}  // namespace

OrderedJson read_evaluation(const std::filesystem::path& run, int64_t step,
                            std::vector<std::string>& gaps) {
  const RunDirectory directory(run);
  const std::vector<int64_t> steps = directory.evaluated_steps();
  if (steps.empty()) return OrderedJson::object();
  int64_t chosen = steps.back();
  for (const int64_t evaluated : steps) {
    if (evaluated == step) chosen = step;
  }
  try {
    const Json json = read_json_file(directory.evaluation_path(chosen), kMaxFileBytes);
    if (json.is_object()) return OrderedJson(json);
    gaps.push_back(directory.evaluation_path(chosen).string() + " is no evaluation");
  } catch (const Error& error) {
    gaps.push_back(error.what());
  }
  return OrderedJson::object();
}

OrderedJson read_lora_scale(const std::filesystem::path& run, int64_t step,
                            std::vector<std::string>& gaps) {
  const auto path = RunDirectory(run).lora_scale_path(step);
  std::error_code ignored;
  if (step < 0 || !std::filesystem::exists(path, ignored)) return nullptr;
  try {
    OrderedJson json = OrderedJson(read_json_file(path, kMaxFileBytes));
    if (json.is_object() && json.contains("scale") && json.contains("curve") &&
        json["curve"].is_array()) {
      json["step"] = step;
      return json;
    }
    gaps.push_back(path.string() + " is no curve of an adapter's shares");
  } catch (const Error& error) {
    gaps.push_back(error.what());
  }
  return nullptr;
}

OrderedJson sample_answers(const std::filesystem::path& run, const OrderedJson& evaluation,
                           size_t limit) {
  OrderedJson samples = OrderedJson::array();
  const auto path = RunDirectory(run).answers_path(evaluation.value("step", int64_t{-1}));
  if (!std::filesystem::exists(path)) return samples;
  std::map<int64_t, size_t> places;  // by question
  LineReader lines(path);
  for (std::string line; lines.next(line);) {
    const Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!record.is_object() || !record.contains("question") ||
        !record["question"].is_number_integer())
      continue;
    const int64_t question = record["question"];
    if (places.count(question) == 0) {
      if (samples.size() >= limit) break;
      places[question] = samples.size();
      samples.push_back({{"messages", record.value("messages", Json::array())},
                         {"expected", record.value("expected", "")}});
    }
    samples[places.at(question)][record.value("model", "model")] = record.value("answer", "");
  }
  return samples;
}

}  // namespace temper
