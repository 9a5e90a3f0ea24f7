// JSON records that carry the hash of their own content, so that a damaged or half-edited one is
// never taken for a record.
#pragma once

#include <string>

#include "io/json.h"

namespace temper {

// The record with its field "record_hash" added, as indented text. Text that is not UTF-8 is made
// so.
std::string seal_record(Json record);

// Parses and checks: UserError naming `place` for anything but a JSON object of format_version
// 1..`supported_version` whose record_hash is right.
Json open_sealed_record(const std::string& text, const std::string& place,
                        int64_t supported_version);

}  // namespace temper
