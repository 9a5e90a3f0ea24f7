// Commands that turn each JSON line of an input into one of an output.
#pragma once

#include <filesystem>
#include <functional>

#include "io/json.h"

namespace temper {

// Calls `answer` for each line that is not blank, with the line's place ("train.jsonl:17"), and
// prints what it returns on standard output. "-" is standard input. UserError for a line that is no
// JSON object.
void answer_json_lines(const std::filesystem::path& input,
                       const std::function<OrderedJson(const Json&, const std::string&)>& answer);

// The same, for answers that depend on the order of the keys.
void answer_ordered_json_lines(
    const std::filesystem::path& input,
    const std::function<OrderedJson(const OrderedJson&, const std::string&)>& answer);

// One line; invalid UTF-8 within texts becomes U+FFFD.
std::string json_line(const OrderedJson& json);

}  // namespace temper
