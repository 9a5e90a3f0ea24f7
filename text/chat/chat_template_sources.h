// The built-in chat templates.
#pragma once

#include <span>
#include <string_view>

namespace temper {

struct ChatTemplateSource {
  const char* name;
  std::string_view source;
};

std::span<const ChatTemplateSource> built_in_chat_templates();

}  // namespace temper
