// The post-processor: puts special tokens around the ids of a text and trims offsets.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/json.h"
#include "text/tokenizer.h"

namespace temper {

// TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel or a Sequence of them.
// Immutable.
class PostProcessor {
 public:
  // The spelling of the token with this id.
  using TokenText = std::function<std::string(int32_t id)>;

  virtual ~PostProcessor() = default;
  void process(Encoding& encoding, bool add_special_tokens, const TokenText& token_text) const;
  // Equal for two post-processors exactly when they give the same ids.
  std::string fingerprint() const;

  // What follows one another: at first the text alone, later special tokens, each by itself, too.
  // The steps of a Sequence see the parts that the one before made.
  virtual void process_parts(std::vector<Encoding>& parts, bool add_special_tokens,
                             const TokenText& token_text) const = 0;

  // UserError that names a type that is not known, or for a Sequence that has no meaning.
  static std::unique_ptr<PostProcessor> from_json(const JsonFields& fields);
};

}  // namespace temper
