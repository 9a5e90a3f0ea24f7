// Small tokenizers and corpora for the tests of data/.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "io/json.h"
#include "text/tokenizer.h"

namespace temper {

// A directory that is removed with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "temper-data-XXXXXX").native();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  size_t num_entries() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

// The letters that stand for bytes in byte-level vocabularies.
inline std::vector<std::string> byte_letters() {
  std::vector<std::string> letters(256);
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const int code_point = printable ? byte : next++;
    std::string& letter = letters[static_cast<size_t>(byte)];
    if (code_point < 0x80) {
      letter = static_cast<char>(code_point);
    } else {
      letter = {static_cast<char>(0xC0 | code_point >> 6),
                static_cast<char>(0x80 | (code_point & 63))};
    }
  }
  return letters;
}

// One token per byte, then <s> (256) and </s> (257), then one token per merge (258, ...), each
// given as two byte strings of one byte.
inline std::string byte_tokenizer_json(const std::vector<std::pair<char, char>>& merges = {},
                                       bool adds_bos = false) {
  const std::vector<std::string> letters = byte_letters();
  Json vocab = Json::object(), merge_list = Json::array();
  for (int byte = 0; byte < 256; ++byte) vocab[letters[static_cast<size_t>(byte)]] = byte;
  vocab["<s>"] = 256;
  vocab["</s>"] = 257;
  int id = 258;
  for (const auto& [left, right] : merges) {
    const std::string& a = letters[static_cast<unsigned char>(left)];
    const std::string& b = letters[static_cast<unsigned char>(right)];
    vocab[a + b] = id++;
    merge_list.push_back(Json::array({a, b}));
  }
  const auto added = [](int token, const char* content) {
    return Json{{"id", token},     {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", true}};
  };
  Json tokenizer = {{"version", "1.0"},
                    {"truncation", nullptr},
                    {"padding", nullptr},
                    {"added_tokens", {added(256, "<s>"), added(257, "</s>")}},
                    {"normalizer", nullptr},
                    {"pre_tokenizer",
                     {{"type", "ByteLevel"},
                      {"add_prefix_space", false},
                      {"trim_offsets", false},
                      {"use_regex", false}}},
                    {"post_processor", nullptr},
                    {"decoder",
                     {{"type", "ByteLevel"},
                      {"add_prefix_space", false},
                      {"trim_offsets", false},
                      {"use_regex", false}}},
                    {"model",
                     {{"type", "BPE"},
                      {"dropout", nullptr},
                      {"unk_token", nullptr},
                      {"continuing_subword_prefix", nullptr},
                      {"end_of_word_suffix", nullptr},
                      {"fuse_unk", false},
                      {"byte_fallback", false},
                      {"ignore_merges", false},
                      {"vocab", vocab},
                      {"merges", merge_list}}}};
  if (adds_bos) {
    const Json bos = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
    const Json a = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
    const Json b = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
    tokenizer["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", Json::array({bos, a})},
        {"pair", Json::array({bos, a, b})},
        {"special_tokens",
         {{"<s>",
           {{"id", "<s>"}, {"ids", Json::array({256})}, {"tokens", Json::array({"<s>"})}}}}}};
  }
  return tokenizer.dump();
}

inline Tokenizer byte_tokenizer(const std::vector<std::pair<char, char>>& merges = {},
                                bool adds_bos = false) {
  return Tokenizer::from_json(byte_tokenizer_json(merges, adds_bos), "byte tokenizer");
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
