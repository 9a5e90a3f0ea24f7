#include "arch/adapter_origin.h"

#include "common/error.h"

namespace temper {

Json read_export_report(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "export_report.json";
  std::error_code ignored;
  if (directory.empty() || !std::filesystem::exists(path, ignored)) return nullptr;
  Json report = read_json_file(path);
  return report.is_object() && report.value("format", Json()) == "temper-export" ? report : Json();
}

std::string recorded_base_hash(const std::filesystem::path& adapter) {
  const Json report = read_export_report(adapter);
  const Json source = report.is_object() ? report.value("source", Json()) : Json();
  const Json hash = source.is_object() ? source.value("base_hash", Json()) : Json();
  return hash.is_string() ? hash.get<std::string>() : "";
}

void check_base_of_adapter(const std::filesystem::path& adapter, const std::filesystem::path& base,
                           const std::function<Hash128()>& hash_of_base) {
  const std::string trained_on = recorded_base_hash(adapter);
  if (trained_on.empty()) return;
  const std::string found = hash_of_base().hex();
  if (trained_on == found) return;
  throw UserError("{}: this adapter was trained on another base than {} (hash {}, not {})",
                  adapter.string(), base.string(), trained_on, found);
}

}  // namespace temper
