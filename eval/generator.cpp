#include "eval/generator.h"

#include <algorithm>
#include <limits>

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

Generation Generator::generate(const std::vector<int64_t>& prompt, const GenerationOptions& options,
                               const std::function<void(std::string_view)>& on_text) const {
  check_prompt(prompt);
  check_sampling_options(options.sampling);
  const auto prompt_size = static_cast<int64_t>(prompt.size());
  const int64_t max_new_tokens =
      std::min(options.max_new_tokens, model_->config().max_position_embeddings - prompt_size);

  Generation generation;
  AnswerText text(stop_.text, on_text);
  StreamDecoder decoder(*tokenizer_);
  KvCache cache = model_->make_cache(prompt_size + max_new_tokens);
  std::vector<int64_t> fed = prompt;
  bool marker_found = false;
  for (int64_t i = 0; i < max_new_tokens; ++i) {
    const at::Tensor logits = model_->decode(fed, cache).contiguous();
    const int64_t id = choose_token({logits.data_ptr<float>(), static_cast<size_t>(logits.numel())},
                                    options.sampling, static_cast<uint64_t>(i));
    if (std::binary_search(stop_.token_ids.begin(), stop_.token_ids.end(), id)) {
      generation.stopped = true;
      break;
    }
    generation.ids.push_back(id);
    marker_found = text.append(decoder.push(static_cast<int32_t>(id)));
    if (marker_found) break;
    fed = {id};
  }
  marker_found = marker_found || text.append(decoder.finish());
  generation.stopped = generation.stopped || marker_found;
  generation.text = text.finish();
  return generation;
}

}  // namespace temper
