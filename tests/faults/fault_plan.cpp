#include "tests/faults/fault_plan.h"

#include <cstdlib>
#include <map>
#include <sstream>

namespace temper::faults {
namespace {

using Words = std::map<std::string, std::string>;

// "key=value,..."; empty when it is for another rank.
Words words_for_this_rank(const std::string& text) {
  Words values;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) std::abort();
    values[word.substr(0, equals)] = word.substr(equals + 1);
  }
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  if (values.count("rank") != 0 && values["rank"] != (rank == nullptr ? "0" : rank)) return {};
  return values;
}

}  // namespace

std::vector<FaultPoint> points_from_environment() {
  const char* text = std::getenv("TEMPER_FAULT_POINTS");
  if (text == nullptr) return {};
  std::vector<FaultPoint> points;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ';');) {
    Words words = words_for_this_rank(part);
    if (words.empty()) continue;
    FaultPoint point{words["at"], words["action"]};
    if (words.count("step") != 0) point.step = std::atoll(words["step"].c_str());
    if (words.count("index") != 0) point.index = std::atoll(words["index"].c_str());
    points.push_back(point);
  }
  return points;
}

Plan plan_from_environment() {
  const char* text = std::getenv("TEMPER_FAULTS");
  if (text == nullptr) return {};
  Words values = words_for_this_rank(text);
  static const std::map<std::string, Action> kActions = {{"fail", Action::kFail},
                                                         {"shorten", Action::kShorten},
                                                         {"kill_before", Action::kKillBefore},
                                                         {"kill_after", Action::kKillAfter}};
  Plan plan;
  plan.call = std::atoll(values["call"].c_str());
  if (plan.call > 0) plan.action = kActions.at(values["action"]);
  if (values.count("error") != 0) plan.error_number = std::atoi(values["error"].c_str());
  plan.delay_ms = std::atoll(values["delay_ms"].c_str());
  plan.match = values["match"];
  plan.from_then_on = values["forever"] == "1";
  return plan;
}

}  // namespace temper::faults
