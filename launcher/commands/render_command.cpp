#include <string>
#include <string_view>
#include <vector>

#include "launcher/command_line.h"
#include "launcher/inspect/json_lines.h"
#include "text/chat/chat_template.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr const char* kAbout =
    "Reads JSON lines {{\"messages\",\"add_generation_prompt\",\"bos_token\",\"eos_token\"}} from\n"
    "INPUT or standard input and prints {{\"rendered\",\"generation_spans\"}} (in code points) or\n"
    "{{\"error\"}} for each. Every other member (tools, documents, enable_thinking, ...) is a\n"
    "variable of the template, too.\n"
    "The template is a Jinja file, a tokenizer_config.json, a model directory, or one of {}.";

OrderedJson render_line(const ChatTemplate& chat_template, const OrderedJson& question,
                        const std::string& place) {
  const auto messages = question.find("messages");
  if (messages == question.end() || !messages->is_array()) {
    throw UserError("{}: \"messages\" is missing or no list", place);
  }
  try {
    const RenderedChat chat = chat_template.render(question);
    OrderedJson spans = OrderedJson::array();
    const std::string_view text = chat.text;
    for (const auto& [begin, end] : chat.generation_spans) {
      spans.push_back(
          {count_code_points(text.substr(0, begin)), count_code_points(text.substr(0, end))});
    }
    return {{"rendered", chat.text}, {"generation_spans", spans}};
  } catch (const UserError& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace

int render_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  CommandLine line("temper render --chat-template NAME|FILE|DIR [INPUT]",
                   fmt::format(kAbout, fmt::join(ChatTemplate::names(), ", ")));
  line.options()("chat-template", po::value<std::string>()->value_name("NAME"),
                 "the template: a name, a file or a model directory");
  line.positional("INPUT", 1);
  if (!line.parse(arguments)) return kExitDone;

  const ChatTemplate chat_template = ChatTemplate::find(line.get<std::string>("chat-template"), {});
  const std::string input = line.has("INPUT") ? line.text("INPUT") : "-";
  answer_ordered_json_lines(input, [&](const OrderedJson& question, const std::string& place) {
    return render_line(chat_template, question, place);
  });
  return kExitDone;
}

}  // namespace temper
