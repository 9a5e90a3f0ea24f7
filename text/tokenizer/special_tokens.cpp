#include "text/tokenizer/special_tokens.h"

#include <array>
#include <initializer_list>

#include "common/error.h"
#include "io/json.h"

namespace temper {
namespace {

constexpr size_t kMaxConfigBytes = size_t{64} << 20;

Json read_if_there(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return Json::object();
  Json json = read_json_file(path, kMaxConfigBytes);
  if (!json.is_object()) throw UserError("{}: expected a JSON object", path.native());
  return json;
}

// What the files of a tokenizer and its model say of special tokens.
class SpecialTokenFiles {
 public:
  SpecialTokenFiles(const Tokenizer& tokenizer, const std::filesystem::path& path)
      : tokenizer_(tokenizer),
        directory_(std::filesystem::is_directory(path) ? path : path.parent_path()),
        tokenizer_config_(read_if_there(directory_ / "tokenizer_config.json")),
        model_config_(read_if_there(directory_ / "config.json")) {}

  // `which` is "bos", "eos" or "pad". Empty: there is none.
  std::string find(const std::string& which, const std::optional<std::string>& given,
                   std::initializer_list<const char*> usual) const {
    if (given) return known(*given, "given");
    const auto named = tokenizer_config_.find(which + "_token");
    if (named != tokenizer_config_.end()) {
      return known(content_of(*named), "tokenizer_config.json");
    }
    if (const auto id = first_id(model_config_, which + "_token_id")) {
      const std::string text = tokenizer_.id_to_token(*id);
      if (!text.empty()) return text;
    }
    for (const char* candidate : usual) {
      if (tokenizer_.token_to_id(candidate)) return candidate;
    }
    return {};
  }

 private:
  // A text, an added-token object, or null.
  static std::string content_of(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_object() && value.contains("content") && value["content"].is_string()) {
      return value["content"].get<std::string>();
    }
    return {};
  }

  // Some models have several end tokens; the first is the one that ends a text.
  static std::optional<int32_t> first_id(const Json& config, const std::string& key) {
    const auto found = config.find(key);
    if (found == config.end()) return std::nullopt;
    const Json& id = found->is_array() && !found->empty() ? found->front() : *found;
    if (!id.is_number_integer() || id < 0 || id > 0x7fffffff) return std::nullopt;
    return id.get<int32_t>();
  }

  std::string known(const std::string& token, const char* origin) const {
    if (!token.empty() && !tokenizer_.token_to_id(token)) {
      throw UserError("the special token '{}' ({}) is not in the vocabulary of {}", token, origin,
                      directory_.native());
    }
    return token;
  }

  const Tokenizer& tokenizer_;
  std::filesystem::path directory_;
  Json tokenizer_config_, model_config_;
};

std::optional<int32_t> id_of(const Tokenizer& tokenizer, const std::string& token) {
  return token.empty() ? std::nullopt : tokenizer.token_to_id(token);
}

}  // namespace

SpecialTokens find_special_tokens(const Tokenizer& tokenizer, const std::filesystem::path& path,
                                  const SpecialTokenNames& given) {
  const SpecialTokenFiles files(tokenizer, path);
  SpecialTokens tokens;
  tokens.bos = files.find("bos", given.bos, {"<s>", "<|begin_of_text|>", "<bos>"});
  tokens.eos = files.find("eos", given.eos,
                          {"</s>", "<|end_of_text|>", "<eos>", "<|endoftext|>", "<|im_end|>"});
  tokens.bos_id = id_of(tokenizer, tokens.bos);
  tokens.eos_id = id_of(tokenizer, tokens.eos);
  const auto pad_id = id_of(tokenizer, files.find("pad", std::nullopt, {"<pad>", "<|pad|>"}));
  tokens.pad_id = pad_id ? *pad_id : tokens.eos_id.value_or(0);
  return tokens;
}

void remove_appended_tokens(Encoding& encoding, const Tokenizer& tokenizer) {
  while (encoding.ids.size() > 1 &&
         encoding.offsets.back().first == encoding.offsets.back().second &&
         tokenizer.is_special(encoding.ids.back())) {
    encoding.ids.pop_back();
    encoding.offsets.pop_back();
  }
}

}  // namespace temper
