// Against the families' own Jinja templates, rendered by their reference implementation.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "common/error.h"
#include "io/json.h"
#include "text/chat_template.h"
#include "text/utf8.h"

namespace temper {
namespace {

TEST(ChatTemplateAcceptance, renders_what_the_jinja_templates_render) {
  // Named built-ins by the template that they stand for.
  const std::map<std::string, std::string> built_ins = {
      {"mistral", "mistral"}, {"chatml", "chatml"},
      {"alpaca", "alpaca"},   {"llama3", "llama3"},
      {"gemma", "gemma"},     {"phi3", "phi3"},
      {"qwen2_5", "qwen"},    {"llama3_training", "llama3"},
  };
  std::ifstream file(std::filesystem::path(TEMPER_ACCEPTANCE_DIR) / "fixtures/chat/vectors.jsonl");
  ASSERT_TRUE(file);
  std::map<std::string, int> num_vectors;
  int line_number = 0;
  for (std::string line; std::getline(file, line);) {
    ++line_number;
    const Json vector = parse_json(line, "vectors");
    const auto built_in = built_ins.find(vector["template"].get<std::string>());
    if (built_in == built_ins.end()) continue;
    ++num_vectors[built_in->first];
    const auto chat_template = ChatTemplate::named(built_in->second);
    std::vector<Message> messages;
    for (const Json& message : vector["messages"]) {
      messages.push_back({message["role"], message["content"]});
    }
    const auto render = [&] {
      return chat_template.render(messages, vector["add_generation_prompt"], vector["bos_token"],
                                  vector["eos_token"]);
    };
    if (vector.contains("error")) {
      EXPECT_THROW(render(), UserError) << "line " << line_number;
      continue;
    }
    const RenderedChat chat = render();
    EXPECT_EQ(chat.text, vector["rendered"].get<std::string>()) << "line " << line_number;
    if (built_in->first != "llama3_training") continue;
    std::vector<std::pair<size_t, size_t>> spans;
    for (const auto& [begin, end] : chat.generation_spans) {
      const std::string_view text = chat.text;
      spans.emplace_back(count_code_points(text.substr(0, begin)),
                         count_code_points(text.substr(0, end)));
    }
    EXPECT_EQ(spans, (vector["generation_spans"].get<std::vector<std::pair<size_t, size_t>>>()))
        << "line " << line_number;
  }
  EXPECT_EQ(num_vectors.size(), built_ins.size());
  for (const auto& [name, count] : num_vectors) EXPECT_EQ(count, 22) << name;
}

}  // namespace
}  // namespace temper
