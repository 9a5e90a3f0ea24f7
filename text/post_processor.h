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

// TemplateProcessing, ByteLevel or a Sequence of them. Immutable.
class PostProcessor {
 public:
  // The spelling of a token; for an added one, the text at its offsets, white space included.
  using TokenText = std::function<std::string(int32_t id, std::pair<int32_t, int32_t> offsets)>;

  virtual ~PostProcessor() = default;
  virtual void process(Encoding& encoding, bool add_special_tokens,
                       const TokenText& token_text) const = 0;
  // Equal for two post-processors exactly when they give the same ids.
  virtual std::string fingerprint() const = 0;

  // UserError that names a type that is not known.
  static std::unique_ptr<PostProcessor> from_json(const JsonFields& fields);
};

}  // namespace temper
