// Against what transformers rendered when tests/reference/make_template_goldens.py ran: whole
// templates with whole conversations, and small pieces of the language.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "io/json.h"
#include "tests/fixtures/names.h"
#include "tests/unit/text/code_point_spans.h"
#include "text/chat/chat_template.h"
#include "text/jinja/runtime/json.h"
#include "text/jinja/template.h"

namespace temper {
namespace {

std::vector<OrderedJson> golden_lines(const std::string& name) {
  std::ifstream file(std::filesystem::path(TEMPER_GOLDEN_DIR) / name);
  std::vector<OrderedJson> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(parse_ordered_json(line, name));
  }
  return lines;
}

// The goldens were made in 1998 by a clock that stood still; no template says more than the year.
std::string said_this_year(std::string rendered) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  const std::string year = std::to_string(1900 + local.tm_year);
  for (size_t at = rendered.find("1998"); at != rendered.npos; at = rendered.find("1998", at)) {
    rendered.replace(at, year.size(), year);
  }
  return rendered;
}

struct Rendered {
  std::string text;
  Spans spans;  // in code points
};

// `golden` has what the reference rendered, or that it refused, with the template's own words.
void expect_golden(const OrderedJson& golden, const std::function<Rendered()>& render) {
  if (golden.contains("error")) {
    try {
      ADD_FAILURE() << "the reference refuses it, but here it is: " << render().text;
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), names(golden.value("raised", "")));
    }
    return;
  }
  try {
    const Rendered rendered = render();
    EXPECT_EQ(rendered.text, said_this_year(golden["rendered"].get<std::string>()));
    EXPECT_EQ(rendered.spans, golden.value("generation_spans", Spans()));
  } catch (const UserError& error) {
    ADD_FAILURE() << "the reference renders it, but here it fails: " << error.what();
  }
}

TEST(TemplateGoldens, templates_render_conversations_as_transformers_does) {
  std::map<std::string, OrderedJson> conversations;
  for (const OrderedJson& line : golden_lines("conversations.jsonl")) {
    conversations[line["conversation"].get<std::string>()] = line["variables"];
  }
  std::map<std::string, ChatTemplate> templates;
  size_t num_renderings = 0, num_with_spans = 0;
  for (const OrderedJson& golden : golden_lines("chat_templates.jsonl")) {
    const auto name = golden["template"].get<std::string>();
    const auto conversation = golden["conversation"].get<std::string>();
    SCOPED_TRACE(name + ", " + conversation);
    if (!templates.contains(name)) {
      const std::filesystem::path directory = TEMPER_REFERENCE_TEMPLATES;
      templates.emplace(name, ChatTemplate::from_file(directory / (name + ".jinja")));
    }
    expect_golden(golden, [&] {
      const RenderedChat chat = templates.at(name).render(conversations.at(conversation));
      return Rendered{chat.text, in_code_points(chat.text, chat.generation_spans)};
    });
    ++num_renderings;
    num_with_spans += golden.contains("generation_spans");
  }
  EXPECT_EQ(templates.size(), 9u);
  EXPECT_EQ(num_renderings, 9 * conversations.size());
  EXPECT_GE(conversations.size(), 50u);
  EXPECT_GE(num_with_spans, 30u);
}

TEST(TemplateGoldens, pieces_of_the_language_render_as_jinja_has_them) {
  const std::vector<OrderedJson> lines = golden_lines("jinja_cases.jsonl");
  ASSERT_GE(lines.size(), 800u);
  size_t num_bytes = 0;
  JinjaTemplate::Variables variables;
  for (const auto& [name, value] : lines.front().at("variables").items()) {
    variables.emplace_back(name, jinja_from_json(value, num_bytes));
  }
  for (size_t i = 1; i < lines.size(); ++i) {
    const auto source = lines[i].at("template").get<std::string>();
    SCOPED_TRACE(source);
    expect_golden(lines[i], [&] {
      const auto compiled = JinjaTemplate::compile(source, "t.jinja");
      const JinjaRendering rendering = compiled.render(variables, num_bytes);
      return Rendered{rendering.text, in_code_points(rendering.text, rendering.generation_spans)};
    });
  }
}

}  // namespace
}  // namespace temper
