#include "io/safetensors/safetensors_directory.h"

#include <string_view>

#include "common/error.h"
#include "io/file_name.h"
#include "io/json.h"

namespace temper {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxIndexBytes = 100'000'000;

}  // namespace

SafetensorsDirectory::SafetensorsDirectory(const fs::path& directory, const std::string& stem)
    : directory_(directory) {
  const fs::path single = directory / (stem + ".safetensors");
  const fs::path index = directory / (stem + ".safetensors.index.json");
  std::error_code ignored;
  if (fs::exists(single, ignored)) {
    files_.emplace_back(single);
    for (const auto& [name, info] : files_[0].tensors()) file_index_[name] = 0;
    return;
  }
  if (!fs::exists(index, ignored)) {
    throw UserError("{} has neither {} nor {}", directory.native(), single.filename().native(),
                    index.filename().native());
  }
  const Json json = read_json_file(index, kMaxIndexBytes);
  const JsonFields weight_map = JsonFields(json, index.native()).object("weight_map");
  std::map<std::string, size_t> opened;
  for (const auto& [name, ignored_file] : weight_map.json().items()) {
    const std::string file = weight_map.text(name);
    if (!is_plain_file_name(file)) {
      throw UserError("{}: \"{}\" is in \"{}\", expected a file of the same directory",
                      index.native(), name, file);
    }
    const auto [place, is_new] = opened.emplace(file, files_.size());
    if (is_new) {
      if (!fs::exists(directory / file, ignored)) {
        throw UserError("{} names {}, which is not there", index.native(), file);
      }
      files_.emplace_back(directory / file);
    }
    if (!files_[place->second].contains(name)) {
      throw UserError("{} promises tensor \"{}\" in {}, which does not have it", index.native(),
                      name, file);
    }
    file_index_[name] = place->second;
  }
}

std::vector<std::string> SafetensorsDirectory::names() const {
  std::vector<std::string> names;
  names.reserve(file_index_.size());
  for (const auto& [name, file] : file_index_) names.push_back(name);
  return names;
}

bool SafetensorsDirectory::contains(const std::string& name) const {
  return file_index_.count(name) != 0;
}

const SafetensorsFile& SafetensorsDirectory::file_of(const std::string& name) const {
  const auto found = file_index_.find(name);
  if (found == file_index_.end()) {
    throw UserError("{} has no tensor \"{}\"", directory_.native(), name);
  }
  return files_[found->second];
}

const TensorInfo& SafetensorsDirectory::info(const std::string& name) const {
  return file_of(name).info(name);
}

void SafetensorsDirectory::read_floats(const std::string& name, int64_t begin, int64_t end,
                                       float* out) const {
  file_of(name).read_floats(name, begin, end, out);
}

}  // namespace temper
