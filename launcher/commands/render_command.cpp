#include <string>
#include <string_view>
#include <vector>

#include "launcher/commands/commands.h"
#include "launcher/inspect/json_lines.h"
#include "text/chat/chat_template.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

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

int render_command(const CommandLine& line) {
  const ChatTemplate chat_template = ChatTemplate::find(line.get("chat-template"), {});
  const std::string input = line.has("INPUT") ? line.get("INPUT") : "-";
  answer_ordered_json_lines(input, [&](const OrderedJson& question, const std::string& place) {
    return render_line(chat_template, question, place);
  });
  return kExitDone;
}

}  // namespace temper
