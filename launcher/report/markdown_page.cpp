#include "launcher/report/markdown_page.h"

#include <fmt/format.h>

#include "launcher/report/html_text.h"
#include "launcher/report/report_tables.h"

namespace temper {
namespace {

// Nothing in a cell or line may become markup, or end the cell.
std::string markdown_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
      continue;
    }
    if (std::string_view("\\`*_[]|#").find(c) != std::string_view::npos) escaped += '\\';
    escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return escaped;
}

std::string table_markdown(const std::string& title, const ReportTable& table) {
  if (table.rows.empty()) return "";
  const auto line = [](const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) text += fmt::format(" {} |", markdown_text(cell));
    return text + "\n";
  };
  std::string text = "\n## " + title + "\n\n" + line(table.columns) + "|";
  for (size_t i = 0; i < table.columns.size(); ++i) text += i == 0 ? "---|" : "---:|";
  text += "\n";
  for (const auto& row : table.rows) text += line(row);
  return text;
}

}  // namespace

std::string markdown_page(const OrderedJson& figures) {
  const OrderedJson& verdict = figures["verdict"];
  std::string text = fmt::format("# {}\n\n", markdown_text(verdict.value("headline", "")));
  text += fmt::format("Run {}, {}.\n\n", markdown_text(figures["run"].value("name", "")),
                      shown_time(figures.value("made_at", 0.0)));
  for (const OrderedJson& point : verdict["points"]) {
    text += "- " + markdown_text(point.value("text", "")) + "\n";
  }
  return text + table_markdown("Learned and forgotten", held_out_table(figures)) +
         table_markdown("Runs", runs_table(figures)) +
         table_markdown(evaluation_title(figures), evaluation_table(figures)) +
         table_markdown("Data", data_table(figures)) +
         table_markdown("Time line", timeline_table(figures)) +
         table_markdown("Environment", environment_table(figures));
}

}  // namespace temper
