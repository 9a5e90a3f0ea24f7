// The normaliser of a tokenizer: rewrites a text before it is split.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "io/json.h"
#include "text/tokenizer/pre/aligned_text.h"

namespace temper {

// NFC, NFD, NFKC, NFKD, Prepend, Replace, Lowercase, Strip or a Sequence of them. Immutable.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void normalize(AlignedText& text) const = 0;
  // Whether the text certainly stays as it is; cheap, and may say no to text that does.
  virtual bool leaves_alone(std::string_view text) const = 0;
  // Equal for two normalisers exactly when they do the same.
  virtual std::string fingerprint() const = 0;

  // UserError that names a type that is not known.
  static std::unique_ptr<Normalizer> from_json(const JsonFields& fields);
};

}  // namespace temper
