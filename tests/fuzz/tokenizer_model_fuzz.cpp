// tokenizer.model and tiktoken files, as tokenizer_json_fuzz.cpp: what begins as a tiktoken file is
// read as one.
#include <optional>
#include <string_view>

#include "tests/fuzz/tokenizer_checks.h"
#include "text/tokenizer/files/tiktoken_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const char* name = is_tiktoken_file(file) ? "qwen.tiktoken" : "tokenizer.model";
  std::optional<Tokenizer> tokenizer;
  try {
    tokenizer = Tokenizer::from_model(file, name, Json::object(), "input");
  } catch (const UserError&) {
    return 0;
  }
  check_encodings(*tokenizer);
  return 0;
}
