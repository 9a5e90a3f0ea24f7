#include "launcher/json_lines.h"

#include <iostream>
#include <string>

#include "common/error.h"
#include "io/text_input.h"

namespace temper {

void answer_json_lines(const std::filesystem::path& input,
                       const std::function<OrderedJson(const Json&, const std::string&)>& answer) {
  const std::string name = input == "-" ? "standard input" : input.string();
  LineReader reader(input);
  for (std::string line; reader.next(line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string place = fmt::format("{}:{}", name, reader.line_number());
    const Json question = parse_json(line, place);
    if (!question.is_object()) throw UserError("{}: not a JSON object", place);
    std::cout << json_line(answer(question, place)) << '\n';
    if (!std::cout) return;
  }
}

std::string json_line(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace temper
