#include "launcher/inspect/json_lines.h"

#include <iostream>
#include <string>

#include "common/error.h"
#include "io/input/text_input.h"

namespace temper {
namespace {

// `parse` gives a line as the JSON that `answer` takes.
template <typename Parse, typename Answer>
void answer_lines(const std::filesystem::path& input, const Parse& parse, const Answer& answer) {
  const std::string name = input == "-" ? "standard input" : input.string();
  LineReader reader(input);
  for (std::string line; reader.next(line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string place = fmt::format("{}:{}", name, reader.line_number());
    const auto question = parse(line, place);
    if (!question.is_object()) throw UserError("{}: not a JSON object", place);
    std::cout << json_line(answer(question, place)) << '\n';
    if (!std::cout) return;
  }
}

}  // namespace

void answer_json_lines(const std::filesystem::path& input,
                       const std::function<OrderedJson(const Json&, const std::string&)>& answer) {
  answer_lines(input, parse_json, answer);
}

void answer_ordered_json_lines(
    const std::filesystem::path& input,
    const std::function<OrderedJson(const OrderedJson&, const std::string&)>& answer) {
  answer_lines(input, parse_ordered_json, answer);
}

std::string json_line(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace temper
