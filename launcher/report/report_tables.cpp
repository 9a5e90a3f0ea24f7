#include "launcher/report/report_tables.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "launcher/report/figure_values.h"
#include "launcher/report/html_text.h"

namespace temper {
namespace {

// "0.512 (0.430 to 0.590)".
std::string with_interval(const OrderedJson& score) {
  const double value = number_of(score, "value");
  if (!std::isfinite(value)) return "-";
  const std::string text = fmt::format("{:.3f}", value);
  if (!score.contains("low")) return text;
  return fmt::format("{} ({:.3f} to {:.3f})", text, number_of(score, "low"),
                     number_of(score, "high"));
}

std::string difference_text(const OrderedJson& comparison) {
  const double difference = number_of(comparison, "difference");
  if (!std::isfinite(difference)) return "-";
  return fmt::format("{:+.3f} ({:+.3f} to {:+.3f})", difference, number_of(comparison, "low"),
                     number_of(comparison, "high"));
}

std::string counts_text(const OrderedJson& counts) {
  std::string text;
  if (!counts.is_object()) return text;
  for (const auto& [name, count] : counts.items()) {
    if (count.is_number() && count != 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", shown_key(name), count.dump());
    }
  }
  return text;
}

// The entry of that name, or an empty object.
const OrderedJson& named(const OrderedJson& list, const std::string& name) {
  static const OrderedJson kNone = OrderedJson::object();
  for (const OrderedJson& entry : list) {
    if (entry.value("name", "") == name) return entry;
  }
  return kNone;
}

std::string is_to_use(const OrderedJson& run) {
  const std::string action = run.value("action", "");
  return action == "use" ? "yes" : action == "keep" ? "no" : "-";
}

}  // namespace

ReportTable held_out_table(const OrderedJson& figures) {
  ReportTable table{{"set", "targets", "base loss", "loss", "step", "change", "base perplexity",
                     "perplexity", "base bits/byte", "bits/byte", "lowest (step)"},
                    {}};
  for (const OrderedJson& set : figures["held_out"]) {
    table.rows.push_back(
        {set.value("set", ""), shown_number(number_of(set, "targets")),
         loss_text(number_of(set, "base")), loss_text(number_of(set, "loss")),
         shown_number(number_of(set, "step")), shown_change(number_of(set, "change")),
         shown_number(number_of(set, "base_perplexity")),
         shown_number(number_of(set, "perplexity")),
         shown_number(number_of(set, "base_bits_per_byte")),
         shown_number(number_of(set, "bits_per_byte")),
         fmt::format("{} ({})", loss_text(number_of(set, "best")), set["best_step"].dump())});
  }
  return table;
}

ReportTable runs_table(const OrderedJson& figures) {
  ReportTable table{
      {"no.", "run", "step", "base test loss", "test loss", "change", "general loss", "use it"},
      {}};
  const OrderedJson& runs = figures["forgetting"]["runs"];
  if (runs.size() < 2) return table;
  for (const OrderedJson& run : runs) {
    const double loss = number_of(run, "test_loss"), base = number_of(run, "base_test_loss");
    table.rows.push_back({std::to_string(table.rows.size() + 1), run.value("name", ""),
                          run["step"].dump(), loss_text(base), loss_text(loss),
                          shown_change(loss / base - 1.0), shown_change(number_of(run, "rise")),
                          is_to_use(run)});
  }
  return table;
}

std::string evaluation_title(const OrderedJson& figures) {
  const OrderedJson& evaluation = figures["evaluation"];
  std::string title = evaluation.contains("base") ? "Base and tuned model" : "Tuned model";
  if (const double step = number_of(evaluation, "step"); std::isfinite(step)) {
    title += fmt::format(" at step {:.0f}", step);
  }
  if (const double limit = number_of(evaluation, "limit"); std::isfinite(limit)) {
    title += fmt::format(", over the first {:.0f} rows and questions", limit);
  }
  return title;
}

ReportTable evaluation_table(const OrderedJson& figures) {
  const OrderedJson& evaluation = figures["evaluation"];
  const OrderedJson none = OrderedJson::object(), empty = OrderedJson::array();
  const OrderedJson base = evaluation.value("base", none);
  const bool has_base = !base.empty();
  ReportTable table{{"figure", has_base ? "tuned" : "model"}, {}};
  if (has_base) table.columns.insert(table.columns.end(), {"base", "difference"});
  const auto add = [&](const std::string& name, const std::string& tuned, const std::string& its,
                       const std::string& difference) {
    table.rows.push_back({name, tuned});
    if (has_base) table.rows.back().insert(table.rows.back().end(), {its, difference});
  };
  const OrderedJson base_sets = base.value("sets", empty);
  for (const OrderedJson& set : evaluation.value("sets", empty)) {
    const OrderedJson& other = named(base_sets, set.value("name", ""));
    for (const auto& [key, name] :
         {std::pair{"loss", "loss"}, std::pair{"bits_per_byte", "bits per byte"}}) {
      const double tuned = number_of(set, key), its = number_of(other, key);
      add(set.value("name", "") + ": " + name, loss_text(tuned), loss_text(its),
          shown_change(tuned / its - 1.0));
    }
  }
  const OrderedJson base_scores = base.value("answers", none).value("scores", empty);
  const OrderedJson comparison = evaluation.value("comparison", empty);
  for (const OrderedJson& score : evaluation.value("answers", none).value("scores", empty)) {
    const std::string name = score.value("name", "");
    add(name, with_interval(score), with_interval(named(base_scores, name)),
        difference_text(named(comparison, name)));
  }
  const OrderedJson choices = evaluation.value("choices", none);
  const OrderedJson base_choices = base.value("choices", none);
  for (const auto& [key, name] : {std::pair{"accuracy", "multiple choice"},
                                  std::pair{"accuracy_per_byte", "multiple choice, by byte"}}) {
    if (!choices.contains(key)) continue;
    add(name, with_interval(choices[key]), with_interval(base_choices.value(key, none)), "-");
  }
  return table;
}

ReportTable data_table(const OrderedJson& figures) {
  ReportTable table{{"dataset", "role", "weight", "rows", "documents", "tokens", "supervised",
                     "records in", "packed", "dropped", "hygiene"},
                    {}};
  for (const OrderedJson& set : figures["data"]) {
    const std::string path = set.value("path", "");
    const size_t slash = path.rfind('/');
    const std::string name = slash == path.npos ? path : path.substr(slash + 1);
    if (set.contains("problem")) {
      table.rows.push_back({name, set.value("role", ""), "-", "-", "-", "-", "-", "-", "-", "-",
                            "cannot be read any more"});
      continue;
    }
    table.rows.push_back(
        {name, set.value("role", ""),
         set.contains("share") ? shown_percent(number_of(set, "share")) + " of rows"
                               : shown_number(number_of(set, "weight")),
         shown_number(number_of(set, "rows")), shown_number(number_of(set, "documents")),
         shown_number(number_of(set, "tokens")), shown_number(number_of(set, "targets")),
         shown_number(number_of(set, "records_in")), shown_number(number_of(set, "records_packed")),
         counts_text(set["dropped"]), counts_text(set["hygiene"])});
  }
  return table;
}

ReportTable timeline_table(const OrderedJson& figures) {
  ReportTable table{{"time", "event", "step", "more"}, {}};
  for (const OrderedJson& event : figures["timeline"]) {
    std::string more;
    for (const char* key : {"ranks", "max_steps", "attempt", "error"}) {
      const auto found = event.find(key);
      if (found == event.end()) continue;
      const std::string text = found->is_string() ? found->get<std::string>() : found->dump();
      more += fmt::format("{}{} {}", more.empty() ? "" : ", ", shown_key(key), text);
    }
    table.rows.push_back({shown_time(number_of(event, "time")), shown_key(event.value("event", "")),
                          event["step"].dump(), more});
  }
  return table;
}

ReportTable environment_table(const OrderedJson& figures) {
  ReportTable table{{"", ""}, {}};
  for (const auto& [key, value] : figures["environment"].items()) {
    if (value.is_string()) table.rows.push_back({shown_key(key), value.get<std::string>()});
    if (value.is_number()) table.rows.push_back({shown_key(key), value.dump()});
    if (key != "per_rank" || !value.is_array()) continue;
    for (const OrderedJson& rank : value) {
      if (!rank.is_object() || !rank.contains("rank")) continue;
      table.rows.push_back({"rank " + rank["rank"].dump(),
                            fmt::format("{} micro-batches, peak memory {}",
                                        shown_number(number_of(rank, "micro_batches")),
                                        shown_bytes(number_of(rank, "peak_pss_bytes")))});
    }
  }
  return table;
}

}  // namespace temper
