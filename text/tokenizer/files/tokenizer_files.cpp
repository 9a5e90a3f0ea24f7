#include "text/tokenizer/files/tokenizer_files.h"

#include <algorithm>
#include <charconv>

#include "common/error.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxConfigBytes = size_t{64} << 20;

int64_t id_of(const std::string& text, const std::string& place) {
  int64_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0) {
    throw UserError("{}: \"added_tokens_decoder\" has a key that is no id", place);
  }
  return id;
}

bool by_id(const Json& a, const Json& b) {
  return a["id"].get<int64_t>() < b["id"].get<int64_t>();
}

}  // namespace

std::optional<fs::path> find_tokenizer_file(const fs::path& directory) {
  std::error_code ignored;
  for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
    if (fs::exists(directory / name, ignored)) return directory / name;
  }
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (entry.path().extension() == ".tiktoken") found.push_back(entry.path());
  }
  if (found.empty()) return std::nullopt;
  if (found.size() > 1) {
    throw UserError("{}: has several tiktoken files; name the one to use", directory.native());
  }
  return found.front();
}

Json tokenizer_config_beside(const fs::path& file) {
  const fs::path path = file.parent_path() / "tokenizer_config.json";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return Json::object();
  Json config = read_json_file(path, kMaxConfigBytes);
  if (!config.is_object()) throw UserError("{}: expected a JSON object", path.native());
  return config;
}

Json with_configured_tokens(std::vector<Json> known, const Json& tokenizer_config,
                            const std::string& place) {
  const auto configured = tokenizer_config.find("added_tokens_decoder");
  if (configured != tokenizer_config.end() && configured->is_object()) {
    for (const auto& [key, value] : configured->items()) {
      const JsonFields fields(value, place + ": tokenizer_config.json: added_tokens_decoder");
      Json token = value;
      token["id"] = id_of(key, fields.place());
      token["content"] = fields.text("content");
      std::erase_if(known, [&](const Json& one) {
        return one["id"] == token["id"] || one["content"] == token["content"];
      });
      known.push_back(std::move(token));
    }
  }
  std::stable_sort(known.begin(), known.end(), by_id);
  return known;
}

Json added_token_json(int64_t id, const std::string& content, bool special) {
  return {{"id", id}, {"content", content}, {"special", special}, {"normalized", false}};
}

Json template_processing(const Json& bos, const Json& eos) {
  if (bos.is_null() && eos.is_null()) return nullptr;
  Json single = Json::array(), special = Json::object();
  const auto add = [&](const Json& token) {
    if (token.is_null()) return;
    const Json& content = token["content"];
    single.push_back({{"SpecialToken", {{"id", content}, {"type_id", 0}}}});
    special[content.get<std::string>()] = {
        {"id", content}, {"ids", {token["id"]}}, {"tokens", {content}}};
  };
  add(bos);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  add(eos);
  Json pair = single;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", special}};
}

}  // namespace temper
