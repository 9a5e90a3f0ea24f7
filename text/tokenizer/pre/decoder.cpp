#include "text/tokenizer/pre/decoder.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "common/error.h"
#include "text/tokenizer/pre/byte_alphabet.h"
#include "text/tokenizer/pre/json_lists.h"
#include "text/tokenizer/pre/pattern.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

// Replacing can grow a text over and over.
constexpr size_t kMaxTokenBytes = size_t{256} << 20;

class ByteLevelDecoder : public Decoder {
 public:
  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) append_bytes(token, bytes);
    return {replace_invalid_utf8(bytes)};
  }

 private:
  // A token with a character outside of the byte alphabet is taken as it is.
  static void append_bytes(const std::string& token, std::string& bytes) {
    const size_t before = bytes.size();
    for (size_t i = 0; i < token.size();) {
      const int byte = character_to_byte(next_code_point(token, i));
      if (byte < 0) {
        bytes.resize(before);
        bytes += token;
        return;
      }
      bytes.push_back(static_cast<char>(byte));
    }
  }
};

// Runs of <0xAB> become the characters that they spell, or as many U+FFFD.
class ByteFallbackDecoder : public Decoder {
 public:
  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    std::vector<std::string> out;
    std::string run;
    const auto flush = [&] {
      if (run.empty()) return;
      if (is_valid_utf8(run)) {
        out.push_back(run);
      } else {
        out.insert(out.end(), run.size(), "\uFFFD");
      }
      run.clear();
    };
    for (std::string& token : tokens) {
      const int byte = byte_of(token);
      if (byte >= 0) {
        run.push_back(static_cast<char>(byte));
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    return out;
  }

 private:
  static int byte_of(const std::string& token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
    if (!std::isxdigit(static_cast<unsigned char>(token[3])) ||
        !std::isxdigit(static_cast<unsigned char>(token[4]))) {
      return -1;
    }
    return std::stoi(token.substr(3, 2), nullptr, 16);
  }
};

class FuseDecoder : public Decoder {
 public:
  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    std::string text;
    for (const std::string& token : tokens) text += token;
    return {text};
  }
};

class StripDecoder : public Decoder {
 public:
  StripDecoder(std::string content, int64_t start, int64_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}

  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (int64_t i = 0; i < start_ && rest.starts_with(content_); ++i) {
        rest.remove_prefix(content_.size());
      }
      for (int64_t i = 0; i < stop_ && rest.ends_with(content_); ++i) {
        rest.remove_suffix(content_.size());
      }
      token = std::string(rest);
    }
    return tokens;
  }

 private:
  std::string content_;  // one character
  int64_t start_, stop_;
};

class ReplaceDecoder : public Decoder {
 public:
  ReplaceDecoder(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    std::vector<TextPart> parts;
    for (std::string& token : tokens) {
      if (token.empty()) continue;
      parts.clear();
      pattern_.find_parts(token, parts);
      std::string replaced;
      for (const TextPart& part : parts) {
        replaced += part.is_match ? content_ : token.substr(part.begin, part.end - part.begin);
      }
      if (replaced.size() > kMaxTokenBytes) {
        throw UserError("the tokenizer's decoder makes {} bytes of one token", replaced.size());
      }
      token = std::move(replaced);
    }
    return tokens;
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class MetaspaceDecoder : public Decoder {
 public:
  MetaspaceDecoder(std::string replacement, bool has_prefix)
      : replacement_(std::move(replacement)), has_prefix_(has_prefix) {}

  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    std::vector<TextPart> parts;
    for (size_t i = 0; i < tokens.size(); ++i) {
      parts.clear();
      find_literal_parts(tokens[i], replacement_, parts);
      std::string text;
      for (const TextPart& part : parts) {
        if (!part.is_match) {
          text.append(tokens[i], part.begin, part.end - part.begin);
        } else if (i > 0 || !has_prefix_) {
          text += ' ';
        }
      }
      tokens[i] = std::move(text);
    }
    return tokens;
  }

 private:
  std::string replacement_;
  bool has_prefix_;
};

class DecoderSequence : public Decoder {
 public:
  explicit DecoderSequence(std::vector<std::unique_ptr<Decoder>> steps)
      : steps_(std::move(steps)) {}
  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    for (const auto& step : steps_) tokens = step->decode(std::move(tokens));
    return tokens;
  }

 private:
  std::vector<std::unique_ptr<Decoder>> steps_;
};

std::string one_character(const JsonFields& fields, const std::string& key,
                          const std::string& fallback) {
  const std::string text = fields.text_or(key, fallback);
  if (count_code_points(text) != 1) {
    throw UserError("{}: '{}' must be one character", fields.place(), key);
  }
  return text;
}

}  // namespace

std::unique_ptr<Decoder> Decoder::from_json(const JsonFields& fields) {
  const std::string type = fields.text("type");
  if (type == "Sequence") {
    std::vector<std::unique_ptr<Decoder>> steps;
    for (const JsonFields& step : json_objects(fields, "decoders"))
      steps.push_back(from_json(step));
    return std::make_unique<DecoderSequence>(std::move(steps));
  }
  if (type == "ByteLevel") return std::make_unique<ByteLevelDecoder>();
  if (type == "ByteFallback") return std::make_unique<ByteFallbackDecoder>();
  if (type == "Fuse") return std::make_unique<FuseDecoder>();
  if (type == "Strip") {
    return std::make_unique<StripDecoder>(one_character(fields, "content", ""),
                                          fields.integer("start"), fields.integer("stop"));
  }
  if (type == "Replace") {
    return std::make_unique<ReplaceDecoder>(Pattern::from_json(fields), fields.text("content"));
  }
  if (type == "Metaspace") {
    const bool prefix = fields.boolean_or("add_prefix_space", true) &&
                        fields.text_or("prepend_scheme", "always") != "never";
    return std::make_unique<MetaspaceDecoder>(one_character(fields, "replacement", "\u2581"),
                                              prefix);
  }
  throw UserError(
      "{}: the decoder '{}' is not supported (ByteLevel, ByteFallback, Fuse, Strip, Replace, "
      "Metaspace and Sequence are)",
      fields.place(), type);
}

}  // namespace temper
