// Reads what an export of this project remembers of where its adapter came from
// (export_report.json).
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "common/hash.h"
#include "io/json.h"

namespace temper {

// Reads what temper wrote beside an exported model or adapter; null for a directory of another
// origin.
Json read_export_report(const std::filesystem::path& directory);

// The hash of the base that an adapter was trained on; empty when nobody recorded it.
std::string recorded_base_hash(const std::filesystem::path& adapter);

// UserError when the adapter was trained on another base than the one of this hash: it would
// silently give another model. `hash_of_base` is called only where a hash was recorded.
void check_base_of_adapter(const std::filesystem::path& adapter, const std::filesystem::path& base,
                           const std::function<Hash128()>& hash_of_base);

}  // namespace temper
