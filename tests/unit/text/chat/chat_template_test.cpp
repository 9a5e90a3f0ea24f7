#include "text/chat/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Message kSystem{"system", "Be brief."};
const Message kUser{"user", " What is x? "};
const Message kAssistant{"assistant", "A letter."};

std::string render(const std::string& name, const std::vector<Message>& messages,
                   bool add_generation_prompt = false) {
  return ChatTemplate::named(name).render(messages, add_generation_prompt, "<s>", "</s>").text;
}

std::vector<std::string> generated(const std::string& name, const std::vector<Message>& messages) {
  const auto chat = ChatTemplate::named(name).render(messages, false, "<s>", "</s>");
  std::vector<std::string> texts;
  for (const auto& [begin, end] : chat.generation_spans) {
    texts.push_back(chat.text.substr(begin, end - begin));
  }
  return texts;
}

TEST(ChatTemplate, llama2_puts_the_system_message_into_the_first_user_turn) {
  EXPECT_EQ(render("llama2", {kSystem, kUser, kAssistant}),
            "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n What is x? [/INST] A letter. </s>");
  EXPECT_EQ(render("llama2", {kUser, kAssistant, kUser}, true),
            "<s>[INST] What is x? [/INST] A letter. </s><s>[INST] What is x? [/INST]");
}

TEST(ChatTemplate, plain_joins_the_contents) {
  EXPECT_EQ(render("plain", {kSystem, kUser, kAssistant}),
            "Be brief.\n What is x? \nA letter.</s>");
  EXPECT_EQ(render("plain", {kUser, kAssistant, kUser, kAssistant}),
            " What is x? \nA letter.</s>\n What is x? \nA letter.</s>");
  EXPECT_EQ(render("plain", {kUser}, true), " What is x? \n");
  EXPECT_EQ(render("plain", {kAssistant}), "A letter.</s>");
}

// A generation prompt and the generated text together are the text that is trained on.
TEST(ChatTemplate, spans_begin_where_the_generation_prompt_ends) {
  for (const std::string& name : ChatTemplate::names()) {
    const auto chat = ChatTemplate::named(name).render({kUser, kAssistant}, false, "<s>", "</s>");
    ASSERT_EQ(chat.generation_spans.size(), 1u) << name;
    EXPECT_EQ(chat.text.substr(0, chat.generation_spans[0].first), render(name, {kUser}, true))
        << name;
  }
}

TEST(ChatTemplate, spans_end_with_the_end_of_turn_marker) {
  const std::vector<Message> turns = {kUser, kAssistant, kUser, kAssistant};
  EXPECT_THAT(generated("llama2", turns), ElementsAre(" A letter. </s>", " A letter. </s>"));
  EXPECT_THAT(generated("llama3", turns),
              ElementsAre("A letter.<|eot_id|>", "A letter.<|eot_id|>"));
  EXPECT_THAT(generated("mistral", turns), ElementsAre("A letter.</s>", "A letter.</s>"));
  EXPECT_THAT(generated("chatml", turns),
              ElementsAre("A letter.<|im_end|>", "A letter.<|im_end|>"));
  EXPECT_THAT(generated("qwen", turns), ElementsAre("A letter.<|im_end|>", "A letter.<|im_end|>"));
  EXPECT_THAT(generated("gemma", turns),
              ElementsAre("A letter.<end_of_turn>", "A letter.<end_of_turn>"));
  EXPECT_THAT(generated("phi3", turns), ElementsAre("A letter.<|end|>", "A letter.<|end|>"));
  EXPECT_THAT(generated("alpaca", turns), ElementsAre("A letter.</s>", "A letter.</s>"));
  EXPECT_THAT(generated("plain", turns), ElementsAre("A letter.</s>", "A letter.</s>"));
}

TEST(ChatTemplate, says_whether_it_prints_the_special_tokens) {
  for (const std::string& name : ChatTemplate::names()) {
    EXPECT_EQ(ChatTemplate::named(name).prints_special_tokens(),
              render(name, {kUser, kAssistant}).starts_with("<s>"))
        << name;
  }
}

TEST(ChatTemplate, refuses_what_it_cannot_express) {
  for (const char* name : {"llama2", "mistral", "gemma"}) {
    EXPECT_THROW(render(name, {kUser, kUser}), UserError) << name;
    EXPECT_THROW(render(name, {kAssistant}), UserError) << name;
    EXPECT_THROW(render(name, {kUser, kSystem}), UserError) << name;
  }
  for (const char* name : {"mistral", "gemma"}) {
    EXPECT_THROW(render(name, {kSystem, kUser}), UserError) << name;
  }
  EXPECT_THROW(render("llama2", {kSystem}), UserError);
  for (const char* name : {"llama2", "qwen", "gemma"}) EXPECT_THROW(render(name, {}), UserError);
}

TEST(ChatTemplate, an_unknown_role_is_refused_without_its_text) {
  for (const std::string& name : ChatTemplate::names()) {
    try {
      render(name, {kUser, {"secret role", "x"}});
      FAIL() << name;
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), names("message 2"));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("secret")));
    }
  }
}

// Files in folders of their own.
void write(const TemporaryDirectory& model, const std::string& name, const std::string& text) {
  std::filesystem::create_directories((model / name).parent_path());
  model.write(name, text);
}

std::string rendered(const ChatTemplate& chat_template) {
  return chat_template.render({kUser}, false, "", "").text;
}

TEST(ChatTemplate, a_models_own_is_found_where_models_keep_it) {
  const TemporaryDirectory model;
  EXPECT_FALSE(ChatTemplate::of_model(model.path()));
  EXPECT_EQ(ChatTemplate::find("", model.path()).name(), "plain");
  EXPECT_THROW(ChatTemplate::find("model", model.path()), UserError);

  write(model, "tokenizer_config.json",
        R"({"pad_token": {"content": "<p>"}, "chat_template": [
                  {"name": "default", "template": "D{{ pad_token }}"},
                  {"name": "tool_use", "template": "T{{ tools }}"}]})");
  EXPECT_EQ(rendered(ChatTemplate::find("", model.path())), "D<p>");
  EXPECT_EQ(rendered(ChatTemplate::find("model:tool_use", model.path())), "TNone");
  EXPECT_EQ(rendered(ChatTemplate::find("model", model.path() / "tokenizer.json")), "D<p>");
  try {
    ChatTemplate::find("model:rag", model.path());
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), names("'rag'", "default, tool_use"));
  }

  write(model, "chat_template.jinja", "J{{ messages[0].content | trim }}");
  write(model, "additional_chat_templates/rag.jinja", "R");
  EXPECT_EQ(rendered(ChatTemplate::find("", model.path())), "JWhat is x?");
  EXPECT_EQ(rendered(ChatTemplate::find("model:rag", model.path())), "R");
  EXPECT_EQ(rendered(ChatTemplate::find((model.path() / "chat_template.jinja").native(), {})),
            "JWhat is x?");

  write(model, "chat_template.jinja", "a\n{% if %}");
  EXPECT_THROW(ChatTemplate::find("", model.path()), UserError);
  write(model, "tokenizer_config.json", R"({"chat_template": 3})");
  EXPECT_THROW(ChatTemplate::of_model(model.path()), UserError);
}

TEST(ChatTemplate, an_unknown_name_is_refused_with_the_known_ones) {
  try {
    ChatTemplate::named("vicuna");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), names("'vicuna'", "llama2, llama3, mistral"));
  }
}

}  // namespace
}  // namespace temper
