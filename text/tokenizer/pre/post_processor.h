// The post-processor: puts special tokens around the ids of a text and trims offsets.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/json.h"
#include "text/tokenizer/pre/encoding.h"

namespace temper {

// How many characters of white space are at a text's ends, byte-level's "\u0120" included.
struct EdgeSpaces {
  int32_t leading = 0;
  int32_t trailing = 0;
};
EdgeSpaces edge_spaces(std::string_view text);

// TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel or a Sequence of them.
// Immutable.
class PostProcessor {
 public:
  // The white space at the ends of the token with this id.
  using TokenSpaces = std::function<EdgeSpaces(int32_t id)>;

  virtual ~PostProcessor() = default;
  void process(Encoding& encoding, bool add_special_tokens, const TokenSpaces& token_spaces) const;
  // Equal for two post-processors exactly when they give the same ids.
  std::string fingerprint() const;

  // What follows one another: at first the text alone, later special tokens, each by itself, too.
  // The steps of a Sequence see the parts that the one before made.
  virtual void process_parts(std::vector<Encoding>& parts, bool add_special_tokens,
                             const TokenSpaces& token_spaces) const = 0;

  // UserError that names a type that is not known, or for a Sequence that has no meaning.
  static std::unique_ptr<PostProcessor> from_json(const JsonFields& fields);
};

}  // namespace temper
