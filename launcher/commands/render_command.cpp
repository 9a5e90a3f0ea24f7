#include <string>
#include <string_view>
#include <vector>

#include "launcher/command_line.h"
#include "launcher/json_lines.h"
#include "text/chat_template.h"
#include "text/utf8.h"

namespace temper {
namespace {

std::vector<Message> read_messages(const Json& question, const std::string& place) {
  const auto found = question.find("messages");
  if (found == question.end() || !found->is_array()) {
    throw UserError("{}: \"messages\" is missing or no list", place);
  }
  std::vector<Message> messages;
  for (const Json& item : *found) {
    const JsonFields fields(item, fmt::format("{} messages[{}]", place, messages.size()));
    messages.push_back({fields.text("role"), fields.text("content")});
  }
  return messages;
}

OrderedJson render_line(const ChatTemplate& chat_template, const Json& question,
                        const std::string& place) {
  const JsonFields fields(question, place);
  try {
    const RenderedChat chat = chat_template.render(
        read_messages(question, place), fields.boolean_or("add_generation_prompt", false),
        fields.text_or("bos_token", ""), fields.text_or("eos_token", ""));
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
  CommandLine line(
      "temper render --chat-template NAME [INPUT]",
      fmt::format("Reads JSON lines {{\"messages\",\"add_generation_prompt\",\"bos_token\","
                  "\"eos_token\"}} from INPUT or\nstandard input and prints {{\"rendered\","
                  "\"generation_spans\"}} (in code points) or {{\"error\"}} for each.\nTemplates: "
                  "{}.",
                  fmt::join(ChatTemplate::names(), ", ")));
  line.options()("chat-template", po::value<std::string>()->value_name("NAME"),
                 "name of the template");
  line.positional("INPUT", 1);
  if (!line.parse(arguments)) return kExitDone;

  const ChatTemplate chat_template = ChatTemplate::named(line.get<std::string>("chat-template"));
  const std::string input = line.has("INPUT") ? line.text("INPUT") : "-";
  answer_json_lines(input, [&](const Json& question, const std::string& place) {
    return render_line(chat_template, question, place);
  });
  return kExitDone;
}

}  // namespace temper
