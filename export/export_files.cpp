#include "export/export_files.h"

#include <algorithm>

#include "common/error.h"
#include "export/float_dtype.h"
#include "export/model_export.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "text/tokenizer/files/tokenizer_files.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTokenizerFiles[] = {
    "tokenizer.json",    "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "tokenizer.model",       "vocab.json",
    "merges.txt",        "chat_template.jinja",   "chat_template.json"};

Json eos_ids_json(const Json& stored, const std::vector<int64_t>& more) {
  std::vector<int64_t> ids;
  if (stored.is_number_integer()) ids.push_back(stored);
  if (stored.is_array()) ids = stored.get<std::vector<int64_t>>();
  for (const int64_t id : more) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  if (ids.empty()) return nullptr;
  if (ids.size() == 1) return ids.front();
  return ids;
}

Json generation_config(const fs::path& base_directory, const ModelConfig& config,
                       const std::vector<int64_t>& stop_token_ids) {
  const fs::path stored = base_directory / "generation_config.json";
  Json json;
  if (fs::exists(stored)) {
    json = read_json_file(stored);
    if (!json.is_object()) throw UserError("{}: expected a JSON object", stored.string());
  } else {
    json = default_generation_config(config);
  }
  const Json eos = eos_ids_json(json.value("eos_token_id", Json()), stop_token_ids);
  if (!eos.is_null()) json["eos_token_id"] = eos;
  return json;
}

bool is_earlier_export(const fs::path& directory) {
  std::error_code ignored;
  const fs::path report = directory / kExportReportFile;
  if (!fs::exists(report, ignored)) return false;
  const Json json = read_json_file(report);
  return json.is_object() && json.value("format", Json()) == "temper-export";
}

}  // namespace

Json default_generation_config(const ModelConfig& config) {
  Json json = {{"_from_model_config", true}};
  for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"}) {
    const auto found = config.json.find(key);
    if (found != config.json.end() && !found->is_null()) json[key] = *found;
  }
  return json;
}

void write_model_files(const fs::path& base_directory, const ModelConfig& config, DType dtype,
                       const std::vector<int64_t>& stop_token_ids, const fs::path& directory) {
  write_file_atomically(directory / "config.json", with_dtype(config.json, dtype).dump(2) + "\n");
  write_file_atomically(directory / "generation_config.json",
                        generation_config(base_directory, config, stop_token_ids).dump(2) + "\n");
  for (const char* name : kTokenizerFiles) {
    const fs::path from = base_directory / name;
    if (fs::exists(from)) write_file_atomically(directory / name, read_file(from));
  }
  const auto tokenizer = find_tokenizer_file(base_directory);
  if (tokenizer && !fs::exists(directory / tokenizer->filename())) {
    write_file_atomically(directory / tokenizer->filename(), read_file(*tokenizer));  // a .tiktoken
  }
}

void check_output_directory(const fs::path& output, const fs::path& base_directory) {
  std::error_code error;
  if (output.empty()) throw UserError("no directory to export to was given");
  const fs::file_status status = fs::symlink_status(output, error);
  if (status.type() == fs::file_type::not_found) return;
  if (status.type() != fs::file_type::directory) {
    throw UserError("{} exists and is no directory; choose another place for the export",
                    output.string());
  }
  if (fs::equivalent(output, base_directory, error)) {
    throw UserError("{} is the base model; choose another place for the export", output.string());
  }
  if (!fs::is_empty(output, error) && !is_earlier_export(output)) {
    throw UserError("{} is not empty and not an earlier export; choose another place",
                    output.string());
  }
}

}  // namespace temper
