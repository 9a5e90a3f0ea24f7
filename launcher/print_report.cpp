#include "launcher/print_report.h"

#include <algorithm>
#include <iostream>

#include "common/error.h"
#include "launcher/report/html_text.h"

namespace temper {
namespace {

std::string shown_value(const OrderedJson& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_null()) return "-";
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  if (value.is_array()) {
    std::string list;
    for (const OrderedJson& item : value) list += (list.empty() ? "" : ", ") + shown_value(item);
    return list.empty() ? "-" : list;
  }
  if (value.is_object()) return "-";
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

bool is_group(const OrderedJson& value) {
  return value.is_object() && !value.empty();
}

bool is_group_list(const OrderedJson& value) {
  return value.is_array() && !value.empty() && value.front().is_object();
}

void append_lines(const OrderedJson& report, const std::string& indent, std::string& text) {
  size_t width = 0;
  for (const auto& [key, value] : report.items()) {
    if (!is_group(value) && !is_group_list(value)) width = std::max(width, key.size());
  }
  for (const auto& [key, value] : report.items()) {
    if (is_group(value)) {
      text += indent + shown_key(key) + "\n";
      append_lines(value, indent + "  ", text);
    } else if (is_group_list(value)) {
      text += indent + shown_key(key) + "\n";
      for (const OrderedJson& item : value) {
        std::string lines;
        append_lines(item, indent + "    ", lines);
        lines[indent.size() + 2] = '-';
        text += lines;
      }
    } else {
      text += fmt::format("{}{:<{}}  {}\n", indent, shown_key(key), width, shown_value(value));
    }
  }
}

}  // namespace

std::string report_text(const OrderedJson& report) {
  std::string text;
  append_lines(report, "", text);
  return text;
}

void print_report(const OrderedJson& report, bool as_json) {
  if (as_json) {
    std::cout << report.dump(2, ' ', false, OrderedJson::error_handler_t::replace) << "\n";
  } else {
    std::cout << report_text(report);
  }
}

}  // namespace temper
