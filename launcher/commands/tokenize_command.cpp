#include <string>

#include "launcher/command_line.h"
#include "launcher/json_lines.h"
#include "text/tokenizer.h"

namespace temper {

int tokenize_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  CommandLine line("temper tokenize --tokenizer FILE [--special] [INPUT]",
                   "Reads JSON lines {\"text\"} from INPUT or standard input and prints "
                   "{\"ids\",\"offsets\"} for each;\noffsets are in code points.");
  line.options()("tokenizer", po::value<std::string>()->value_name("FILE"),
                 "tokenizer.json, or a model directory that holds one")(
      "special", "add what the tokenizer puts around a text (<s>)");
  line.positional("INPUT", 1);
  if (!line.parse(arguments)) return kExitDone;

  const Tokenizer tokenizer = Tokenizer::from_file(line.get<std::string>("tokenizer"));
  const bool special = line.has("special");
  const std::string input = line.has("INPUT") ? line.text("INPUT") : "-";
  answer_json_lines(input, [&](const Json& question, const std::string& place) -> OrderedJson {
    const Encoding encoding = tokenizer.encode(JsonFields(question, place).text("text"), special);
    return {{"ids", encoding.ids}, {"offsets", encoding.offsets}};
  });
  return kExitDone;
}

}  // namespace temper
