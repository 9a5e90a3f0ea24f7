// Small tokenizers and corpora for the tests of data/.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "tests/fixtures/byte_tokenizer.h"
#include "tests/unit/temporary_directory.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {

inline Tokenizer byte_tokenizer(const std::vector<std::pair<char, char>>& merges = {},
                                bool adds_bos = false) {
  ByteTokenizer tokenizer;
  tokenizer.merges = merges;
  tokenizer.adds_bos = adds_bos;
  return Tokenizer::from_json(byte_tokenizer_json(tokenizer), "byte tokenizer");
}

inline std::string read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace temper

// The message of the UserError that the statement throws.
#define USER_ERROR_OF(statement)                      \
  [&]() -> std::string {                              \
    try {                                             \
      statement;                                      \
    } catch (const ::temper::UserError& user_error) { \
      return user_error.what();                       \
    }                                                 \
    return "(no UserError)";                          \
  }()
