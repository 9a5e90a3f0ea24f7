// What a tokenizer takes for a token of its own wherever a text spells it: where a turn ends, where
// a document begins. In a record's content it makes the model see a turn that is none.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace temper {

class TextSet;

class ControlTokens {
 public:
  // Knows the tokens of the usual models, for a corpus that is looked at without a tokenizer.
  ControlTokens();
  explicit ControlTokens(std::vector<std::string> texts);

  // The first one in the text; null when there is none. Lives as long as this.
  const std::string* find_in(std::string_view text) const;

 private:
  std::vector<std::string> texts_;
  std::shared_ptr<const TextSet> set_;
};

}  // namespace temper
