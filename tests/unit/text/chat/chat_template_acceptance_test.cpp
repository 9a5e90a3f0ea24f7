// Against the reference implementation's renderings of real templates, and of those that the
// built-ins stand for.
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "io/json.h"
#include "tests/unit/text/code_point_spans.h"
#include "text/chat/chat_template.h"

namespace temper {
namespace {

std::filesystem::path fixtures() {
  return std::filesystem::path(TEMPER_ACCEPTANCE_DIR) / "fixtures/chat";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%d %b %Y", &local)};
}

// One template says the day it is rendered on: what the reference said on its day, said today.
std::string said_today(std::string rendered) {
  const std::string_view day = "23 Nov 2026";
  for (size_t at = rendered.find(day); at != rendered.npos; at = rendered.find(day, at + 1)) {
    rendered.replace(at, day.size(), today());
  }
  return rendered;
}

void expect_rendering(const ChatTemplate& chat_template, const OrderedJson& vector, bool has_spans,
                      const std::string& place) {
  if (vector.contains("error")) {
    EXPECT_THROW(chat_template.render(vector), UserError) << place;
    return;
  }
  const RenderedChat chat = chat_template.render(vector);
  EXPECT_EQ(chat.text, said_today(vector["rendered"].get<std::string>())) << place;
  if (!has_spans) return;
  const Spans expected =
      vector.contains("generation_spans") ? vector["generation_spans"].get<Spans>() : Spans();
  EXPECT_EQ(in_code_points(chat.text, chat.generation_spans), expected) << place;
}

template <typename Check>
int for_each_vector(const Check& check) {
  std::ifstream file(fixtures() / "vectors.jsonl");
  int line_number = 0;
  for (std::string line; std::getline(file, line);) {
    ++line_number;
    check(parse_ordered_json(line, "vectors"), "line " + std::to_string(line_number));
  }
  return line_number;
}

TEST(ChatTemplateAcceptance, renders_the_real_templates) {
  std::map<std::string, ChatTemplate> templates;
  int num_errors = 0, num_with_spans = 0;
  const int num_vectors = for_each_vector([&](const OrderedJson& vector, const std::string& place) {
    const auto name = vector["template"].get<std::string>();
    if (!templates.count(name)) {
      templates.emplace(name,
                        ChatTemplate::from_file(fixtures() / "templates" / (name + ".jinja")));
    }
    expect_rendering(templates.at(name), vector, true, place + " " + name);
    num_errors += vector.contains("error");
    num_with_spans += vector.contains("generation_spans");
  });
  EXPECT_EQ(num_vectors, 286);
  EXPECT_EQ(num_errors, 30);
  EXPECT_EQ(num_with_spans, 42);
  EXPECT_EQ(templates.size(), 13u);
}

TEST(ChatTemplateAcceptance, the_built_ins_render_what_their_families_do) {
  const std::map<std::string, std::string> built_ins = {
      {"mistral", "mistral"}, {"chatml", "chatml"},
      {"alpaca", "alpaca"},   {"llama3", "llama3"},
      {"gemma", "gemma"},     {"phi3", "phi3"},
      {"qwen2_5", "qwen"},    {"llama3_training", "llama3"},
  };
  std::map<std::string, int> num_vectors;
  for_each_vector([&](const OrderedJson& vector, const std::string& place) {
    const auto found = built_ins.find(vector["template"].get<std::string>());
    if (found == built_ins.end()) return;
    ++num_vectors[found->first];
    expect_rendering(ChatTemplate::named(found->second), vector, found->first == "llama3_training",
                     place);
  });
  EXPECT_EQ(num_vectors.size(), built_ins.size());
  for (const auto& [name, count] : num_vectors) EXPECT_EQ(count, 22) << name;
}

}  // namespace
}  // namespace temper
