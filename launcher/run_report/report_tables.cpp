#include "launcher/run_report/report_tables.h"

#include <fmt/format.h>

#include <limits>

#include "launcher/run_report/html_text.h"

namespace temper {
namespace {

double number_of(const OrderedJson& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>()
                                                     : std::numeric_limits<double>::quiet_NaN();
}

std::string loss_text(double loss) {
  return loss == loss ? fmt::format("{:.4f}", loss) : "-";
}

std::string with_interval(const OrderedJson& score) {
  std::string text = fmt::format("{:.3f}", number_of(score, "value"));
  if (score.contains("low")) {
    text += fmt::format(" ({:.3f} to {:.3f})", number_of(score, "low"), number_of(score, "high"));
  }
  return text;
}

std::string counts_text(const OrderedJson& counts) {
  std::string text;
  if (!counts.is_object()) return text;
  for (const auto& [name, count] : counts.items()) {
    if (count.is_number() && count != 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count.dump());
    }
  }
  return text;
}

const OrderedJson* find_named(const OrderedJson& list, const char* key, const std::string& name) {
  for (const OrderedJson& entry : list) {
    if (entry.value(key, "") == name) return &entry;
  }
  return nullptr;
}

}  // namespace

ReportTable held_out_table(const OrderedJson& figures) {
  ReportTable table{{"set", "targets", "base loss", "loss", "step", "change", "base perplexity",
                     "perplexity", "lowest (step)"},
                    {}};
  for (const OrderedJson& set : figures["held_out"]) {
    table.rows.push_back(
        {set.value("set", ""), shown_number(number_of(set, "targets")),
         loss_text(number_of(set, "base")), loss_text(number_of(set, "loss")),
         shown_number(number_of(set, "step")), shown_change(number_of(set, "change")),
         shown_number(number_of(set, "base_perplexity")),
         shown_number(number_of(set, "perplexity")),
         fmt::format("{} ({})", loss_text(number_of(set, "best")), set["best_step"].dump())});
  }
  return table;
}

ReportTable runs_table(const OrderedJson& figures) {
  ReportTable table{{"no.", "run", "step", "base test loss", "test loss", "change", "general loss"},
                    {}};
  const OrderedJson& runs = figures["forgetting"]["runs"];
  if (runs.size() < 2) return table;
  for (const OrderedJson& run : runs) {
    const double loss = number_of(run, "test_loss"), base = number_of(run, "base_test_loss");
    table.rows.push_back({std::to_string(table.rows.size() + 1), run.value("name", ""),
                          run["step"].dump(), loss_text(base), loss_text(loss),
                          shown_change(loss / base - 1.0), shown_change(number_of(run, "rise"))});
  }
  return table;
}

ReportTable evaluation_table(const OrderedJson& figures) {
  const OrderedJson& evaluation = figures["evaluation"];
  ReportTable table{{"figure", "tuned"}, {}};
  if (!evaluation.contains("sets") && !evaluation.contains("answers")) return table;
  const OrderedJson base = evaluation.value("base", OrderedJson::object());
  const bool has_base = !base.empty();
  if (has_base) table.columns.push_back("base");
  const auto add = [&](const std::string& name, const std::string& tuned, const std::string& its) {
    table.rows.push_back({name, tuned});
    if (has_base) table.rows.back().push_back(its);
  };
  for (const OrderedJson& set : evaluation.value("sets", OrderedJson::array())) {
    const std::string name = set.value("name", "");
    const OrderedJson base_sets = base.value("sets", OrderedJson::array());
    const OrderedJson* its = find_named(base_sets, "name", name);
    const OrderedJson nothing = OrderedJson::object();
    const OrderedJson& other = its == nullptr ? nothing : *its;
    add(name + ": loss", loss_text(number_of(set, "loss")), loss_text(number_of(other, "loss")));
    if (set.contains("bits_per_byte")) {
      add(name + ": bits per byte", loss_text(number_of(set, "bits_per_byte")),
          loss_text(number_of(other, "bits_per_byte")));
    }
  }
  const OrderedJson answers = evaluation.value("answers", OrderedJson::object());
  const OrderedJson base_answers = base.value("answers", OrderedJson::object());
  const OrderedJson base_scores = base_answers.value("scores", OrderedJson::array());
  for (const OrderedJson& score : answers.value("scores", OrderedJson::array())) {
    const OrderedJson* its = find_named(base_scores, "name", score.value("name", ""));
    add(score.value("name", ""), with_interval(score), its == nullptr ? "-" : with_interval(*its));
  }
  const OrderedJson none = OrderedJson::object();
  const OrderedJson choices = evaluation.value("choices", none);
  const OrderedJson base_choices = base.value("choices", none);
  for (const auto& [key, name] : {std::pair{"accuracy", "multiple choice"},
                                  std::pair{"accuracy_per_byte", "multiple choice, by byte"}}) {
    if (!choices.contains(key)) continue;
    add(name, with_interval(choices[key]),
        base_choices.contains(key) ? with_interval(base_choices[key]) : "-");
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
      more += fmt::format("{}{} {}", more.empty() ? "" : ", ", key, text);
    }
    table.rows.push_back({shown_time(number_of(event, "time")), event.value("event", ""),
                          event["step"].dump(), more});
  }
  return table;
}

ReportTable environment_table(const OrderedJson& figures) {
  ReportTable table{{"", ""}, {}};
  for (const auto& [key, value] : figures["environment"].items()) {
    if (value.is_string()) table.rows.push_back({key, value.get<std::string>()});
    if (value.is_number()) table.rows.push_back({key, value.dump()});
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
