#include "eval/generator.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "common/error.h"
#include "text/tokenizer/stream_decoder.h"

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

size_t answers_at_once(const ModelConfig& config, int64_t capacity) {
  constexpr double kMaxBytes = 4.0 * (1 << 30);
  const double bytes_of_one = 2.0 * sizeof(float) * static_cast<double>(config.num_layers) *
                              static_cast<double>(config.num_kv_heads * config.head_dim) *
                              static_cast<double>(std::max<int64_t>(1, capacity));
  return static_cast<size_t>(
      std::clamp(kMaxBytes / bytes_of_one, 1.0, static_cast<double>(kAnswersAtOnce)));
}

}  // namespace

// One answer in the making.
class Generator::Answer {
 public:
  Answer(const Generator& generator, const std::vector<int64_t>& prompt, int64_t max_new_tokens,
         const std::function<void(std::string_view)>& on_text)
      : stop_(generator.stop_),
        fed_(prompt),
        num_positions_(std::min(std::ssize(prompt) + max_new_tokens,
                                generator.model_->config().max_position_embeddings)),
        max_tokens_(num_positions_ - std::ssize(prompt)),
        text_(stop_.text, on_text),
        decoder_(*generator.tokenizer_) {}

  // What the model sees next.
  const std::vector<int64_t>& fed() const { return fed_; }
  int64_t num_tokens() const { return std::ssize(generation_.ids); }
  int64_t num_positions() const { return num_positions_; }  // that it may come to need
  bool is_over() const { return generation_.stopped || num_tokens() >= max_tokens_; }

  void take(int64_t id) {
    if (std::binary_search(stop_.token_ids.begin(), stop_.token_ids.end(), id)) {
      generation_.stopped = true;
      return;
    }
    generation_.ids.push_back(id);
    fed_ = {id};
    generation_.stopped = text_.append(decoder_.push(static_cast<int32_t>(id)));
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
  int64_t num_positions_, max_tokens_;
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

// Answers that grow together. Where one ends, the next prompt takes its place in the cache.
class Generator::AnswerBatch {
 public:
  AnswerBatch(const ResidentModel& model, std::vector<Answer>& answers,
              const GenerationOptions& options, const std::function<void()>& on_answer)
      : model_(model),
        answers_(answers),
        options_(options),
        on_answer_(on_answer),
        cache_(make_cache(model, answers)),
        free_sequences_(cache_.lengths.size()) {
    std::iota(free_sequences_.rbegin(), free_sequences_.rend(), size_t{0});
  }

  void run() {
    std::vector<ActiveAnswer> active;
    while (next_ < answers_.size() || !active.empty()) {
      for (auto started = next_prompts(); !started.empty(); started = next_prompts()) {
        for (const ActiveAnswer& each : advance(std::move(started))) active.push_back(each);
      }
      if (!active.empty()) active = advance(std::move(active));
    }
  }

 private:
  struct ActiveAnswer {
    Answer* answer;
    size_t sequence;  // of the cache
  };

  static KvCache make_cache(const ResidentModel& model, const std::vector<Answer>& answers) {
    int64_t capacity = 0;
    for (const Answer& answer : answers) capacity = std::max(capacity, answer.num_positions());
    return model.make_cache(std::min(answers.size(), answers_at_once(model.config(), capacity)),
                            capacity);
  }

  // The next prompts that are read together: what comes of one must not depend on the others.
  std::vector<ActiveAnswer> next_prompts() {
    std::vector<ActiveAnswer> started;
    const int64_t limit = model_.independent_tokens();
    int64_t num_tokens = 0;
    for (; next_ < answers_.size() && !free_sequences_.empty(); ++next_) {
      Answer& answer = answers_[next_];
      if (answer.is_over()) continue;
      const int64_t length = std::ssize(answer.fed());
      const bool fits = length > 1 && num_tokens + length <= limit;
      if (!fits && !started.empty()) break;
      started.push_back({&answer, free_sequences_.back()});
      free_sequences_.pop_back();
      cache_.lengths[started.back().sequence] = 0;
      num_tokens += fits ? length : limit;
    }
    return started;
  }

  // Each takes its next token; those that are not over remain.
  std::vector<ActiveAnswer> advance(std::vector<ActiveAnswer> active) {
    std::vector<NewTokens> fed;
    for (const ActiveAnswer& each : active) fed.push_back({each.sequence, each.answer->fed()});
    const at::Tensor logits = model_.decode(fed, cache_).contiguous();
    const auto vocab = static_cast<size_t>(logits.size(1));
    const float* row = logits.const_data_ptr<float>();
    for (const ActiveAnswer& each : active) {
      each.answer->take(choose_token({row, vocab}, options_.sampling,
                                     static_cast<uint64_t>(each.answer->num_tokens())));
      row += vocab;
      if (!each.answer->is_over()) continue;
      free_sequences_.push_back(each.sequence);
      if (on_answer_) on_answer_();
    }
    std::erase_if(active, [](const ActiveAnswer& each) { return each.answer->is_over(); });
    return active;
  }

  const ResidentModel& model_;
  std::vector<Answer>& answers_;
  const GenerationOptions& options_;
  const std::function<void()>& on_answer_;
  KvCache cache_;
  std::vector<size_t> free_sequences_;
  size_t next_ = 0;  // of the answers, to be begun
};

std::vector<Generation> Generator::run(std::vector<Answer>& answers,
                                       const GenerationOptions& options,
                                       const std::function<void()>& on_answer) const {
  AnswerBatch(*model_, answers, options, on_answer).run();
  std::vector<Generation> generations;
  for (Answer& answer : answers) generations.push_back(answer.finish());
  return generations;
}

Generation Generator::generate(const std::vector<int64_t>& prompt, const GenerationOptions& options,
                               const std::function<void(std::string_view)>& on_text) const {
  check_sampling_options(options.sampling);
  check_prompt(prompt);
  std::vector<Answer> answers;
  answers.emplace_back(*this, prompt, options.max_new_tokens, on_text);
  return std::move(run(answers, options, nullptr).front());
}

std::vector<Generation> Generator::generate_all(const std::vector<std::vector<int64_t>>& prompts,
                                                const GenerationOptions& options,
                                                const std::function<void()>& on_answer) const {
  check_sampling_options(options.sampling);
  const std::function<void(std::string_view)> silent;
  std::vector<Answer> answers;
  answers.reserve(prompts.size());
  for (const std::vector<int64_t>& prompt : prompts) {
    check_prompt(prompt);
    answers.emplace_back(*this, prompt, options.max_new_tokens, silent);
  }
  return run(answers, options, on_answer);
}

bool Generator::bits_depend_on_batch() const {
  return !model_->compute().can_share_weights();
}

}  // namespace temper
