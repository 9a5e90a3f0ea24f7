#include "run/checkpoint/self_checksum.h"

#include "common/error.h"
#include "common/hash.h"

namespace temper {
namespace {

constexpr const char* kHashKey = "record_hash";

std::string canonical_text(const Json& record) {
  return record.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string seal_record(Json record) {
  record[kHashKey] = hash_text(canonical_text(record)).hex();
  return record.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json open_sealed_record(const std::string& text, const std::string& place,
                        int64_t supported_version) {
  Json record = parse_json(text, place);
  const JsonFields fields(record, place);
  // The version comes first: a newer format may be sealed in another way.
  const int64_t version = fields.integer("format_version");
  if (version < 1 || version > supported_version) {
    throw UserError("{}: format version {}; this program reads up to version {}", place, version,
                    supported_version);
  }
  const std::string stored = fields.text(kHashKey);
  record.erase(kHashKey);
  const std::string computed = hash_text(canonical_text(record)).hex();
  if (stored != computed) {
    throw UserError("{}: the record is damaged (its record_hash is {}, its content has {})", place,
                    stored.substr(0, 64), computed);
  }
  return record;
}

}  // namespace temper
