// tokenizer.json: any file is refused as the user's error or gives a tokenizer that keeps its
// promises about ids, offsets and text.
#include <optional>
#include <string_view>

#include "tests/fuzz/tokenizer_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  std::optional<Tokenizer> tokenizer;
  try {
    tokenizer =
        Tokenizer::from_json(std::string_view(reinterpret_cast<const char*>(data), size), "input");
  } catch (const UserError&) {
    return 0;
  }
  check_encodings(*tokenizer);
  return 0;
}
