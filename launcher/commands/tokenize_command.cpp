#include <string>
#include <vector>

#include "common/error.h"
#include "launcher/commands/commands.h"
#include "launcher/inspect/json_lines.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {
namespace {

std::vector<int32_t> read_ids(const Json& question, const std::string& place) {
  const auto list = question.find("ids");
  if (list == question.end() || !list->is_array()) {
    throw UserError("{}: 'ids' must be a list of numbers", place);
  }
  std::vector<int32_t> ids;
  for (const Json& id : *list) {
    if (!id.is_number_integer() || id < 0 || id > INT32_MAX) {
      throw UserError("{}: 'ids' must be a list of token ids", place);
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

}  // namespace

int tokenize_command(const CommandLine& line) {
  const Tokenizer tokenizer = Tokenizer::from_file(line.get("tokenizer"));
  const bool special = line.has("special");
  const bool decode = line.has("decode");
  if (special && decode) throw UserError("--special has no meaning with --decode");
  const std::string input = line.has("INPUT") ? line.get("INPUT") : "-";
  answer_json_lines(input, [&](const Json& question, const std::string& place) -> OrderedJson {
    if (decode) return {{"text", tokenizer.decode(read_ids(question, place))}};
    const Encoding encoding = tokenizer.encode(JsonFields(question, place).text("text"), special);
    return {{"ids", encoding.ids}, {"offsets", encoding.offsets}};
  });
  return kExitDone;
}

}  // namespace temper
