// Any template over one set of variables: it renders or is refused, soon, twice the same, and its
// generation spans lie in the text.
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/error.h"
#include "io/json.h"
#include "text/chat/chat_template.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

const OrderedJson& variables() {
  static const OrderedJson json = parse_ordered_json(
      R"({"messages": [{"role": "system", "content": " S\n"}, {"role": "user", "content": "naïve 日本"},
          {"role": "assistant", "content": "<think>\nx\n</think>y", "tool_calls": [{"type": "function",
            "function": {"name": "f", "arguments": {"a": [1, 2.5, null, true]}}}]},
          {"role": "tool", "content": [{"type": "text", "text": "z"}]}],
          "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
          "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>"})",
      "variables");
  return json;
}

std::optional<RenderedChat> render(std::string_view source) {
  try {
    ChatTemplate chat_template = ChatTemplate::from_source(source, "fuzzed");
    chat_template.set_date("2026-11-30", "fuzzed");  // of all it sees, only the clock would change
    return chat_template.render(variables());
  } catch (const UserError&) {
    return std::nullopt;
  }
}

}  // namespace
}  // namespace temper

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto chat = render(source);
  if (!chat) return 0;
  TEMPER_CHECK(is_valid_utf8(chat->text));
  for (const auto& [begin, end] : chat->generation_spans) {
    TEMPER_CHECK(begin <= end);
  }
  const auto again = render(source);
  TEMPER_CHECK(again && again->text == chat->text &&
               again->generation_spans == chat->generation_spans);
  return 0;
}
