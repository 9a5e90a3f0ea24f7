// Continues prompts token by token with a cache of keys and values, several at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/prompt_encoder.h"
#include "eval/sampling.h"
#include "model/resident_model.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {

struct GenerationOptions {
  int64_t max_new_tokens = 256;
  SamplingOptions sampling;
};

struct Generation {
  std::vector<int64_t> ids;  // without the stop token
  std::string text;          // without the end-of-turn marker
  bool stopped = false;      // by a stop condition, not by a limit
};

// Answers that grow together; fewer where their keys and values would take more than 4 GiB.
inline constexpr size_t kAnswersAtOnce = 64;

class Generator {
 public:
  // Both outlive this.
  Generator(const ResidentModel& model, const Tokenizer& tokenizer, StopConditions stop)
      : model_(&model), tokenizer_(&tokenizer), stop_(std::move(stop)) {}

  // Ends at a stop condition, after max_new_tokens, or where the model's positions end. `on_text`
  // gets the text piece by piece as it becomes certain: whole characters, and never the beginning
  // of what may turn out to be the end-of-turn marker. UserError when the prompt is empty, holds a
  // token that the model does not have, or leaves no position for an answer.
  Generation generate(const std::vector<int64_t>& prompt, const GenerationOptions& options,
                      const std::function<void(std::string_view)>& on_text = nullptr) const;

  // Every prompt's generation. kAnswersAtOnce at a time go through the model's weights together;
  // where one ends the next prompt begins. `on_answer` is called whenever one has ended.
  std::vector<Generation> generate_all(const std::vector<std::vector<int64_t>>& prompts,
                                       const GenerationOptions& options,
                                       const std::function<void()>& on_answer = nullptr) const;
  // Tells whether last bits of the logits depend on which answers grow together: not in fp32 on a
  // CPU.
  bool bits_depend_on_batch() const;

  // UserError as above.
  void check_prompt(const std::vector<int64_t>& prompt) const;

 private:
  class Answer;
  class AnswerBatch;
  std::vector<Generation> run(std::vector<Answer>& answers, const GenerationOptions& options,
                              const std::function<void()>& on_answer) const;

  const ResidentModel* model_;
  const Tokenizer* tokenizer_;
  StopConditions stop_;
};

}  // namespace temper
