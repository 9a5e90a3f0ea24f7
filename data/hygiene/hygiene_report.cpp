// Options and report of the hygiene check as JSON and as a person reads them.
#include <array>
#include <utility>

#include "common/error.h"
#include "data/hygiene/hygiene.h"

namespace temper {
namespace {

constexpr std::array<const char*, 5> kActionNames = {"off", "report", "mask", "drop", "error"};

OrderedJson paths_json(const std::vector<std::filesystem::path>& paths) {
  OrderedJson list = OrderedJson::array();
  for (const auto& path : paths) list.push_back(path.native());
  return list;
}

OrderedJson finding_json(const HygieneReport::Finding& finding) {
  OrderedJson json = {{"action", hygiene_action_name(finding.action)},
                      {"records", finding.records}};
  if (finding.groups > 0) json["groups"] = finding.groups;
  if (!finding.examples.empty()) json["examples"] = finding.examples;
  return json;
}

}  // namespace

HygieneAction hygiene_action_named(const std::string& flag, const std::string& name) {
  const bool may_mask = flag == "pii";
  for (size_t i = 0; i < kActionNames.size(); ++i) {
    const auto action = static_cast<HygieneAction>(i);
    if (name == kActionNames[i] && (may_mask || action != HygieneAction::kMask)) return action;
  }
  throw UserError("--{} {}: expected off, report, {}drop or error", flag, name,
                  may_mask ? "mask, " : "");
}

const char* hygiene_action_name(HygieneAction action) {
  return kActionNames[static_cast<size_t>(action)];
}

bool HygieneOptions::decides() const {
  const bool compares = !(held_out.empty() && general.empty());
  const auto drops = [](HygieneAction action) { return action == HygieneAction::kDrop; };
  return drops(duplicates) || drops(near_duplicates) || drops(conflicts) ||
         (compares && drops(overlap)) || drops(cut_off) || drops(mojibake) ||
         drops(personal_data) || val_share > 0;
}

void HygieneOptions::check() const {
  if (!(near_threshold > 0.0 && near_threshold <= 1.0)) {
    throw UserError("--near-threshold {}: expected a share above 0, up to 1", near_threshold);
  }
  if (!(val_share >= 0.0 && val_share < 1.0)) {
    throw UserError("--val-split {}: expected a share from 0 to below 1", val_share);
  }
}

OrderedJson HygieneOptions::to_json() const {
  OrderedJson json = {{"duplicates", hygiene_action_name(duplicates)},
                      {"near_duplicates", hygiene_action_name(near_duplicates)},
                      {"near_threshold", near_threshold},
                      {"conflicts", hygiene_action_name(conflicts)},
                      {"overlap", hygiene_action_name(overlap)},
                      {"cut_off", hygiene_action_name(cut_off)},
                      {"mojibake", hygiene_action_name(mojibake)},
                      {"pii", hygiene_action_name(personal_data)},
                      {"held_out", paths_json(held_out)},
                      {"general", paths_json(general)}};
  if (val_share > 0) {
    json["val_split"] = val_share;
    json["split_seed"] = split_seed;
  }
  return json;
}

std::vector<const HygieneReport::Finding*> HygieneReport::findings() const {
  return {&duplicates,      &near_duplicates, &repeated_answers, &conflicts,     &held_out_overlap,
          &general_overlap, &cut_off,         &mojibake,         &personal_data, &control_tokens};
}

OrderedJson HygieneReport::to_json() const {
  OrderedJson json = {{"records", records},
                      {"duplicates", finding_json(duplicates)},
                      {"near_duplicates", finding_json(near_duplicates)},
                      {"repeated_answers", finding_json(repeated_answers)},
                      {"conflicts", finding_json(conflicts)}};
  if (held_out_records > 0) {
    json["held_out_overlap"] = finding_json(held_out_overlap);
    json["held_out_overlap"]["compared_with"] = held_out_records;
  }
  if (general_records > 0) {
    json["general_overlap"] = finding_json(general_overlap);
    json["general_overlap"]["compared_with"] = general_records;
  }
  json["cut_off"] = finding_json(cut_off);
  json["mojibake"] = finding_json(mojibake);
  json["personal_data"] = finding_json(personal_data);
  OrderedJson kinds = OrderedJson::object();
  for (size_t i = 0; i < kNumPersonalData; ++i) {
    kinds[personal_data_name(static_cast<PersonalData>(i))] = personal_data_records[i];
  }
  json["personal_data"]["kinds"] = kinds;
  json["control_tokens"] = finding_json(control_tokens);
  if (!control_token_records.empty()) json["control_tokens"]["kinds"] = control_token_records;
  if (groups_of_split > 0) {
    json["split"] = {{"groups", groups_of_split}, {"validation_records", val_records}};
  }
  return json;
}

std::string HygieneReport::to_text() const {
  std::string text = "hygiene\n";
  for (const Finding* finding : findings()) {
    if (finding->action == HygieneAction::kOff) continue;
    text += fmt::format("  {:<34}{:>8}", finding->name, finding->records);
    if (finding->groups > 0) text += fmt::format("  in {} groups", finding->groups);
    if (finding->records > 0 && finding->action != HygieneAction::kReport) {
      text += fmt::format("  [{}]", hygiene_action_name(finding->action));
    }
    text += "\n";
    for (size_t i = 0; i < finding->examples.size() && i < 2; ++i) {
      text += fmt::format("      {}\n", finding->examples[i]);
    }
  }
  if (groups_of_split > 0) {
    text += fmt::format("  {:<34}{:>8}  of {} groups that stay together\n", "validation records",
                        val_records, groups_of_split);
  }
  return text;
}

}  // namespace temper
