#include "eval/generator.h"

#include <algorithm>
#include <iterator>

#include "common/error.h"

namespace temper {
namespace {

// The answer's text as it grows, watched for the end-of-turn marker.
class AnswerText {
 public:
  AnswerText(const std::string& marker, const std::function<void(std::string_view)>& on_text)
      : marker_(marker), on_text_(on_text) {}

  // True when the marker has appeared: the text ends before it.
  bool append(const std::string& fresh) {
    const size_t overlap = marker_.empty() ? 0 : std::min(text_.size(), marker_.size() - 1);
    const size_t from = text_.size() - overlap;
    text_ += fresh;
    if (marker_.empty()) {
      emit(text_.size());
      return false;
    }
    const size_t found = text_.find(marker_, from);
    if (found == text_.npos) {
      emit(text_.size() - pending_marker_bytes());
      return false;
    }
    text_.resize(found);
    emit(found);
    return true;
  }

  std::string finish() {
    emit(text_.size());
    return std::move(text_);
  }

 private:
  // Bytes at the end of the text that the marker begins with.
  size_t pending_marker_bytes() const {
    for (size_t n = std::min(text_.size(), marker_.size() - 1); n > 0; --n) {
      if (text_.ends_with(std::string_view(marker_).substr(0, n))) return n;
    }
    return 0;
  }

  void emit(size_t end) {
    if (on_text_ && end > num_emitted_) {
      on_text_(std::string_view(text_).substr(num_emitted_, end - num_emitted_));
    }
    num_emitted_ = std::max(num_emitted_, end);
  }

  const std::string& marker_;
  const std::function<void(std::string_view)>& on_text_;
  std::string text_;
  size_t num_emitted_ = 0;
};

}  // namespace

// One answer in the making.
class Generator::Answer {
 public:
  Answer(const Generator& generator, const std::vector<int64_t>& prompt,
         const std::function<void(std::string_view)>& on_text)
      : stop_(generator.stop_),
        fed_(prompt),
        text_(stop_.text, on_text),
        decoder_(*generator.tokenizer_) {}

  // What the model sees next.
  const std::vector<int64_t>& fed() const { return fed_; }
  int64_t num_tokens() const { return std::ssize(generation_.ids); }

  // True when the token ends the answer.
  bool take(int64_t id) {
    if (std::binary_search(stop_.token_ids.begin(), stop_.token_ids.end(), id)) {
      generation_.stopped = true;
      return true;
    }
    generation_.ids.push_back(id);
    fed_ = {id};
    generation_.stopped = text_.append(decoder_.push(static_cast<int32_t>(id)));
    return generation_.stopped;
  }

  Generation finish() {
    const bool marker_found = text_.append(decoder_.finish());
    generation_.stopped = generation_.stopped || marker_found;
    generation_.text = text_.finish();
    return std::move(generation_);
  }

 private:
  const StopConditions& stop_;
  std::vector<int64_t> fed_;
  AnswerText text_;
  StreamDecoder decoder_;
  Generation generation_;
};

void Generator::check_prompt(const std::vector<int64_t>& prompt) const {
  const ModelConfig& config = model_->config();
  if (prompt.empty()) throw UserError("the prompt is empty");
  for (const int64_t id : prompt) {
    if (id < 0 || id >= config.vocab_size) {
      throw UserError("the prompt has token {}, the model's embedding only {} rows", id,
                      config.vocab_size);
    }
  }
  if (static_cast<int64_t>(prompt.size()) >= config.max_position_embeddings) {
    throw UserError("the prompt has {} tokens; the model has max_position_embeddings {}",
                    prompt.size(), config.max_position_embeddings);
  }
}

std::vector<Generation> Generator::run(std::vector<Answer>& answers,
                                       const GenerationOptions& options) const {
  check_sampling_options(options.sampling);
  const int64_t max_positions = model_->config().max_position_embeddings;
  int64_t longest_prompt = 0;
  std::vector<int64_t> room;  // tokens that each answer may have
  for (const Answer& answer : answers) {
    check_prompt(answer.fed());
    const int64_t prompt_size = std::ssize(answer.fed());
    longest_prompt = std::max(longest_prompt, prompt_size);
    room.push_back(std::min(options.max_new_tokens, max_positions - prompt_size));
  }
  KvCache cache = model_->make_cache(
      answers.size(), std::min(longest_prompt + options.max_new_tokens, max_positions));
  std::vector<size_t> going;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (room[i] > 0) going.push_back(i);
  }
  while (!going.empty()) {
    std::vector<NewTokens> fed;
    for (const size_t i : going) fed.push_back({i, answers[i].fed()});
    const at::Tensor logits = model_->decode(fed, cache).contiguous();
    const auto vocab = static_cast<size_t>(logits.size(1));
    std::vector<size_t> still_going;
    for (size_t row = 0; row < going.size(); ++row) {
      Answer& answer = answers[going[row]];
      const int64_t id = choose_token({logits.const_data_ptr<float>() + row * vocab, vocab},
                                      options.sampling, static_cast<uint64_t>(answer.num_tokens()));
      const bool ended = answer.take(id);
      if (!ended && answer.num_tokens() < room[going[row]]) still_going.push_back(going[row]);
    }
    going = std::move(still_going);
  }
  std::vector<Generation> generations;
  for (Answer& answer : answers) generations.push_back(answer.finish());
  return generations;
}

Generation Generator::generate(const std::vector<int64_t>& prompt, const GenerationOptions& options,
                               const std::function<void(std::string_view)>& on_text) const {
  std::vector<Answer> answers;
  answers.emplace_back(*this, prompt, on_text);
  return std::move(run(answers, options).front());
}

std::vector<Generation> Generator::generate_all(const std::vector<std::vector<int64_t>>& prompts,
                                                const GenerationOptions& options) const {
  const std::function<void(std::string_view)> silent;
  std::vector<Answer> answers;
  answers.reserve(prompts.size());
  for (const std::vector<int64_t>& prompt : prompts) answers.emplace_back(*this, prompt, silent);
  return run(answers, options);
}

}  // namespace temper
