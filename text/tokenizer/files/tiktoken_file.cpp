#include "text/tokenizer/files/tiktoken_file.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>
#include <vector>

#include "common/error.h"
#include "text/tokenizer/files/tokenizer_files.h"
#include "text/tokenizer/pre/word_splitter.h"

namespace temper {
namespace {

constexpr size_t kMaxTokenBytes = 512;
constexpr int64_t kMaxRank = int64_t{1} << 24;
constexpr int64_t kLlama3Tokens = 128'000;

using NamedIds = std::vector<std::pair<std::string, int64_t>>;

NamedIds llama3_tokens(int64_t first) {
  NamedIds tokens;
  const auto add = [&](const std::string& name) {
    tokens.emplace_back(fmt::format("<|{}|>", name), first + static_cast<int64_t>(tokens.size()));
  };
  int num_reserved = 0;
  const auto reserve = [&](int count) {
    for (; count > 0; --count) add(fmt::format("reserved_special_token_{}", num_reserved++));
  };
  for (const char* name : {"begin_of_text", "end_of_text"}) add(name);
  reserve(4);
  for (const char* name : {"start_header_id", "end_header_id"}) add(name);
  reserve(1);
  add("eot_id");
  reserve(256 - static_cast<int>(tokens.size()));
  return tokens;
}

NamedIds qwen_tokens(int64_t first) {
  NamedIds tokens = {
      {"<|endoftext|>", first}, {"<|im_start|>", first + 1}, {"<|im_end|>", first + 2}};
  for (int64_t i = 0; i < 205; ++i)
    tokens.emplace_back(fmt::format("<|extra_{}|>", i), first + 3 + i);
  return tokens;
}

struct Encoding {
  std::string_view file_name;
  std::string_view expression;
  std::function<NamedIds(int64_t num_tokens)> special;
  bool normalizes = false;  // NFC
  bool adds_bos = false;    // the first special token
};

const std::vector<Encoding>& known_encodings() {
  const auto fixed = [](const NamedIds& tokens) { return [tokens](int64_t) { return tokens; }; };
  static const std::vector<Encoding> known = {
      {"cl100k_base.tiktoken", kCl100kExpression,
       fixed({{"<|endoftext|>", 100257},
              {"<|fim_prefix|>", 100258},
              {"<|fim_middle|>", 100259},
              {"<|fim_suffix|>", 100260},
              {"<|endofprompt|>", 100276}})},
      {"o200k_base.tiktoken", kO200kExpression,
       fixed({{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}})},
      {"p50k_base.tiktoken", kGpt2Expression, fixed({{"<|endoftext|>", 50256}})},
      {"r50k_base.tiktoken", kGpt2Expression, fixed({{"<|endoftext|>", 50256}})},
      {"qwen.tiktoken", kQwenExpression, qwen_tokens, true},
      {"tokenizer.model", kLlama3Expression, llama3_tokens, false, true},
  };
  return known;
}

const Encoding& encoding_named(const std::string& name, size_t num_tokens,
                               const std::string& place) {
  std::string names;
  for (const Encoding& known : known_encodings()) {
    const bool is_llama3 = static_cast<int64_t>(num_tokens) == kLlama3Tokens;
    if (known.file_name == name && (!known.adds_bos || is_llama3)) return known;
    if (!known.adds_bos) names += fmt::format("{}{}", names.empty() ? "" : ", ", known.file_name);
  }
  throw UserError(
      "{}: how this tiktoken vocabulary cuts words is not in the file, and known only for {}, and "
      "for Llama 3's tokenizer.model of {} tokens; rename it if it is one of these, else use the "
      "model's tokenizer.json",
      place, names, kLlama3Tokens);
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// False for what is no base64 with its padding.
bool decode_base64(std::string_view text, std::string& bytes) {
  bytes.clear();
  if (text.empty() || text.size() % 4 != 0) return false;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  uint32_t bits = 0;
  int num_bits = 0;
  for (char c : text.substr(0, text.size() - padding)) {
    const int value = base64_value(c);
    if (value < 0) return false;
    bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xFFFFFF;
    num_bits += 6;
    if (num_bits < 8) continue;
    num_bits -= 8;
    bytes.push_back(static_cast<char>(bits >> num_bits & 0xFF));
  }
  return true;
}

bool read_line(std::string_view line, std::string& bytes, int64_t& rank) {
  const size_t space = line.find(' ');
  if (space == line.npos || space > kMaxTokenBytes * 2) return false;
  if (!decode_base64(line.substr(0, space), bytes) || bytes.size() > kMaxTokenBytes) return false;
  const auto [end, error] =
      std::from_chars(line.data() + space + 1, line.data() + line.size(), rank);
  return error == std::errc() && end == line.data() + line.size() && rank >= 0 && rank < kMaxRank;
}

// Takes a line off `text`, without its end.
std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::vector<RankedTokens::Token> read_tokens(std::string_view file, const std::string& place) {
  std::vector<RankedTokens::Token> tokens;
  std::string bytes;
  for (int64_t number = 1, rank = 0; !file.empty(); ++number) {
    const std::string_view line = take_line(file);
    if (line.empty()) continue;
    if (!read_line(line, bytes, rank)) {
      throw UserError("{}:{}: expected a token in base64 and its rank", place, number);
    }
    tokens.emplace_back(bytes, static_cast<int32_t>(rank));
  }
  return tokens;
}

Json byte_level(std::string_view expression) {
  const Json split = {{"type", "Split"},
                      {"pattern", {{"Regex", expression}}},
                      {"behavior", "Isolated"},
                      {"invert", false}};
  const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  return {{"type", "Sequence"}, {"pretokenizers", {split, bytes}}};
}

}  // namespace

bool is_tiktoken_file(std::string_view file) {
  std::string bytes;
  int64_t rank = 0;
  return read_line(take_line(file), bytes, rank);
}

TiktokenTokenizer read_tiktoken_file(std::string_view file, const std::string& name,
                                     const Json& config, const std::string& place) {
  TiktokenTokenizer tokenizer;
  tokenizer.tokens.place = place;
  tokenizer.tokens.tokens = read_tokens(file, place);
  const size_t num_tokens = tokenizer.tokens.tokens.size();
  const Encoding& encoding = encoding_named(name, num_tokens, place);
  std::vector<Json> known;
  for (const auto& [content, id] : encoding.special(static_cast<int64_t>(num_tokens))) {
    known.push_back(added_token_json(id, content, true));
  }
  const Json bos = encoding.adds_bos ? known.front() : Json();
  const Json added = with_configured_tokens(std::move(known), config, place);
  for (const Json& token : added) {
    if (token["id"] >= kMaxRank)
      throw UserError("{}: id {} is too large", place, token["id"].dump());
    tokenizer.tokens.special.emplace_back(token["content"].get<std::string>(),
                                          token["id"].get<int32_t>());
  }
  tokenizer.components = {{"added_tokens", added},
                          {"normalizer", encoding.normalizes ? Json{{"type", "NFC"}} : Json()},
                          {"pre_tokenizer", byte_level(encoding.expression)},
                          {"post_processor", template_processing(bos, nullptr)},
                          {"decoder", {{"type", "ByteLevel"}}}};
  return tokenizer;
}

}  // namespace temper
