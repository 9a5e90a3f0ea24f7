#include "text/chat/supervised_spans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// ChatML without generation marks, as most models have it.
constexpr const char* kChatml =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

const std::vector<Message> kTurns = {
    {"system", "S"}, {"user", "a"}, {"assistant", "b"}, {"user", "c"}, {"assistant", "d"}};

// The text with what is learnt in brackets.
std::string marked(const SpanSupervisor& supervisor, const std::vector<Message>& messages) {
  const auto chat = supervisor.render(messages);
  std::string out;
  size_t at = 0;
  for (const auto& [begin, end] : chat.spans) {
    out += chat.text.substr(at, begin - at);
    out += '[';
    out += chat.text.substr(begin, end - begin);
    out += ']';
    at = end;
  }
  return out + chat.text.substr(at);
}

SpanSupervisor supervisor(const std::string& source, SupervisionOptions options = {}) {
  return SpanSupervisor(ChatTemplate::from_source(source, "t"), "<s>", "</s>", std::move(options));
}

std::string error_of(const SpanSupervisor& supervisor, const std::vector<Message>& messages) {
  try {
    return "no error, but " + marked(supervisor, messages);
  } catch (const UserError& error) {
    return error.what();
  }
}

TEST(SpanSupervisor, takes_the_difference_of_prefixes) {
  EXPECT_EQ(marked(supervisor(kChatml), kTurns),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n"
            "<|im_start|>assistant\n[b<|im_end|>]\n<|im_start|>user\nc<|im_end|>\n"
            "<|im_start|>assistant\n[d<|im_end|>]\n");
  EXPECT_EQ(supervisor(kChatml).end_of_turn(), "<|im_end|>");
}

// The template without marks gives what the built-in with marks gives.
TEST(SpanSupervisor, agrees_with_generation_marks) {
  const SpanSupervisor with_marks(ChatTemplate::named("chatml"), "<s>", "</s>");
  EXPECT_EQ(marked(supervisor(kChatml), kTurns), marked(with_marks, kTurns));
}

TEST(SpanSupervisor, trains_the_ends_that_are_asked_for) {
  const std::vector<Message> turns = {{"user", "a"}, {"assistant", "b"}, {"assistant", "c"}};
  const auto with = [&](TrainOnEos eos) {
    return marked(supervisor("{% for m in messages %}{{ m.role[0] }}:{{ m.content }}$ {% endfor %}"
                             "{% if add_generation_prompt %}a:{% endif %}",
                             {eos, {"assistant"}}),
                  turns);
  };
  EXPECT_EQ(with(TrainOnEos::kTurn), "u:a$ a:[b$] a:[c$] ");
  EXPECT_EQ(with(TrainOnEos::kAll), "u:a[$] a:[b$] a:[c$] ");
  EXPECT_EQ(with(TrainOnEos::kLast), "u:a$ a:[b]$ a:[c$] ");
  EXPECT_EQ(with(TrainOnEos::kNone), "u:a$ a:[b]$ a:[c]$ ");
  EXPECT_THROW(train_on_eos_named("never"), UserError);
  EXPECT_EQ(train_on_eos_name(train_on_eos_named("last")), "last");
}

TEST(SpanSupervisor, trains_the_roles_and_messages_that_are_asked_for) {
  EXPECT_THAT(marked(supervisor(kChatml, {TrainOnEos::kTurn, {"user"}}), kTurns),
              HasSubstr("[<|im_start|>user\na<|im_end|>]\n<|im_start|>assistant\nb<|im_end|>\n"));
  std::vector<Message> turns = kTurns;
  turns[2].json = {{"role", "assistant"}, {"content", "b"}, {"train", false}};
  turns[4].json = {{"role", "assistant"}, {"content", "d"}, {"weight", 1}};
  for (const SpanSupervisor& each :
       {supervisor(kChatml), SpanSupervisor(ChatTemplate::named("chatml"), "", "")}) {
    EXPECT_THAT(marked(each, turns),
                AllOf(HasSubstr("assistant\nb<|im_end|>"), HasSubstr("[d<|im_end|>]")));
  }
  turns[4].json["weight"] = 0;
  EXPECT_THAT(marked(supervisor(kChatml), turns), Not(HasSubstr("[")));
  EXPECT_THROW(SpanSupervisor(ChatTemplate::named("chatml"), "", "", {TrainOnEos::kTurn, {"user"}}),
               UserError);
}

// As Phi 3 does: an end of the conversation that is no end of a turn.
TEST(SpanSupervisor, what_ends_the_conversation_is_no_part_of_the_turn) {
  const std::string source =
      "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
      "{{ '<|assistant|>' if add_generation_prompt else eos_token }}";
  EXPECT_EQ(marked(supervisor(source), kTurns),
            "<|system|>S<|end|><|user|>a<|end|><|assistant|>[b<|end|>]<|user|>c<|end|>"
            "<|assistant|>[d<|end|>]</s>");
  // Without another mark it is what the answer ends with.
  const std::string bare =
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
      "{{ '<assistant>' if add_generation_prompt else eos_token }}";
  EXPECT_EQ(marked(supervisor(bare), {{"user", "a"}, {"assistant", "b"}}),
            "<user>a<assistant>[b</s>]");
}

TEST(SpanSupervisor, refuses_what_is_no_prefix_and_shows_no_record) {
  // As Qwen 3 does: the last answer looks otherwise than the ones before it.
  const std::string source =
      "{% for m in messages %}<{{ m.role }}>{{ '!' if loop.last and m.role == 'assistant' }}"
      "{{ m.content }}|{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
  EXPECT_EQ(marked(supervisor(source), {{"user", "a"}, {"assistant", "b"}}),
            "<user>a|<assistant>[!b|]");
  EXPECT_THAT(error_of(supervisor(source), {{"user", "secret"},
                                            {"assistant", "secret"},
                                            {"user", "secret"},
                                            {"assistant", "secret"}}),
              AllOf(names("chat template t ", "first 2 of 4", "character 25", "generation"),
                    Not(HasSubstr("secret"))));
}

TEST(SpanSupervisor, every_built_in_gives_each_answer_a_span) {
  for (const std::string& name : ChatTemplate::names()) {
    const SpanSupervisor each(ChatTemplate::named(name), "<s>", "</s>");
    EXPECT_EQ(each.render({{"user", "a"}, {"assistant", "b"}, {"user", "c"}, {"assistant", "d"}})
                  .spans.size(),
              2u)
        << name;
    EXPECT_FALSE(each.end_of_turn().empty()) << name;
  }
}

}  // namespace
}  // namespace temper
