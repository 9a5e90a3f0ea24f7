#include "launcher/report/html_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "launcher/report/figure_values.h"
#include "launcher/report/html_text.h"
#include "launcher/report/page_style.h"
#include "launcher/report/report_tables.h"
#include "launcher/report/run_charts.h"

namespace temper {
namespace {

// A column of words reads from the left, numbers stand under each other.
bool is_column_of_words(const ReportTable& table, size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
    return !row[column].empty() && std::isalpha(static_cast<unsigned char>(row[column][0])) != 0;
  });
}

std::string table_html(const ReportTable& table) {
  if (table.rows.empty()) return "";
  std::vector<const char*> classes;
  std::string heads;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    classes.push_back(is_column_of_words(table, i) ? " class=\"text\"" : "");
    heads += fmt::format("<th{}>{}</th>", classes[i], html_text(table.columns[i]));
  }
  std::string html = "<div class=\"scroll\"><table>";
  const bool has_heads = std::any_of(table.columns.begin(), table.columns.end(),
                                     [](const std::string& name) { return !name.empty(); });
  if (has_heads) html += "<thead><tr>" + heads + "</tr></thead>";
  html += "<tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) {
      html += fmt::format("<td{}>{}</td>", classes[i], html_text(row[i]));
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string section(const std::string& title, const std::string& content) {
  return content.empty() ? "" : "<h2>" + html_text(title) + "</h2>\n" + content;
}

std::string verdict_html(const OrderedJson& figures) {
  const OrderedJson& verdict = figures["verdict"];
  std::string html = fmt::format("<section class=\"verdict {}\"><h1>{}</h1>",
                                 html_text(verdict.value("level", "open")),
                                 html_text(verdict.value("headline", "")));
  if (verdict["checkpoint"].is_string()) {
    html += "<p class=\"dim\">" + html_text(verdict["checkpoint"].get<std::string>()) + "</p>";
  }
  html += "<ul>";
  for (const OrderedJson& point : verdict["points"]) {
    html += fmt::format("<li class=\"{}\">{}</li>\n", html_text(point.value("level", "open")),
                        html_text(point.value("text", "")));
  }
  return html + "</ul></section>\n";
}

std::string facts_html(const OrderedJson& run) {
  const std::vector<std::pair<std::string, std::string>> facts = {
      {"steps", shown_number(number_of(run["steps"]))},
      {"tokens", shown_number(number_of(run["tokens"]))},
      {"training time", shown_seconds(number_of(run["training_seconds"]))},
      {"tokens per second", shown_number(number_of(run["tokens_per_second"]))},
      {"starts", shown_number(number_of(run["starts"]))},
      {"checkpoints", shown_number(static_cast<double>(run["checkpoints"].size()))}};
  std::string html = "<div class=\"facts\">";
  for (const auto& [name, value] : facts) {
    html += "<div><b>" + html_text(value) + "</b><span>" + name + "</span></div>";
  }
  return html + "</div>\n";
}

std::string charts_html(const std::string& charts) {
  return charts.empty() ? "" : "<div class=\"charts\">\n" + charts + "</div>\n";
}

std::string message_text(const OrderedJson& sample) {
  std::string text;
  for (const OrderedJson& message : sample.value("messages", OrderedJson::array())) {
    if (!text.empty()) text += '\n';
    text += message.value("content", "");
  }
  return text;
}

std::string samples_html(const OrderedJson& figures) {
  std::string html;
  for (const OrderedJson& sample : figures.value("samples", OrderedJson::array())) {
    html += "<div class=\"answers\">";
    const auto cell = [&](const char* name, const std::string& text) {
      html += fmt::format("<div><b>{}</b>{}</div>", name, html_text(text));
    };
    cell("question", message_text(sample));
    cell("expected", sample.value("expected", ""));
    for (const char* model : {"base", "tuned", "model"}) {
      if (sample.contains(model)) cell(model, sample.value(model, ""));
    }
    html += "</div>\n";
  }
  return html;
}

}  // namespace

std::string html_page(const OrderedJson& figures, int refresh_seconds) {
  const std::string name = html_text(figures["run"].value("name", ""));
  std::string page =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; img-src data:\">\n<link rel=\"icon\" href=\"data:,\">\n";
  if (refresh_seconds > 0) {
    page += fmt::format("<meta http-equiv=\"refresh\" content=\"{}\">\n", refresh_seconds);
  }
  page += "<title>" + name + "</title>\n<style>" + kPageStyle + "</style></head>\n<body>\n";
  page += fmt::format("<p class=\"dim\">temper · run {} · {}</p>\n", name,
                      shown_time(number_of(figures["made_at"])));
  page += verdict_html(figures) + facts_html(figures["run"]);
  page += section("Learned and forgotten", table_html(held_out_table(figures)) +
                                               table_html(runs_table(figures)) +
                                               charts_html(forgetting_charts(figures)));
  page += section(evaluation_title(figures),
                  table_html(evaluation_table(figures)) + charts_html(evaluation_charts(figures)));
  page += section("Sample answers", samples_html(figures));
  page += section("Training", charts_html(training_charts(figures)));
  page += section("Data", table_html(data_table(figures)));
  page += section("Time line", table_html(timeline_table(figures)));
  page += section("Environment", table_html(environment_table(figures)));
  const std::string configuration = figures.value("configuration", "");
  if (!configuration.empty()) {
    page += "<details><summary>Resolved configuration</summary><pre>" + html_text(configuration) +
            "</pre></details>\n";
  }
  return page + "</body></html>\n";
}

}  // namespace temper
