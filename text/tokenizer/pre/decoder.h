// The decoder: from the spellings of tokens back to text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/json.h"

namespace temper {

// ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace or a Sequence of them. Immutable.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // The texts that, one after the other, are the decoded text.
  virtual std::vector<std::string> decode(std::vector<std::string> tokens) const = 0;

  // UserError that names a type that is not known.
  static std::unique_ptr<Decoder> from_json(const JsonFields& fields);
};

}  // namespace temper
