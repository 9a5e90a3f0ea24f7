#include "run/run_identity.h"

#include "io/json.h"
#include "run/checkpoint/self_checksum.h"

namespace temper {
namespace {

constexpr int64_t kIdentityFormatVersion = 1;

}  // namespace

std::string RunIdentity::to_json() const {
  return seal_record({{"format_version", kIdentityFormatVersion},
                      {"run_id", run_id},
                      {"base_hash", base_hash.hex()},
                      {"dataset_hash", dataset_hash.hex()},
                      {"adapter", adapter},
                      {"initial_adapter_hash", initial_adapter_hash.hex()},
                      {"training_yaml", training_yaml}});
}

RunIdentity RunIdentity::from_json(const std::string& text, const std::string& place) {
  const Json json = open_sealed_record(text, place, kIdentityFormatVersion);
  const JsonFields fields(json, place);
  RunIdentity identity;
  identity.run_id = fields.text("run_id");
  identity.base_hash = Hash128::from_hex(fields.text("base_hash"));
  identity.dataset_hash = Hash128::from_hex(fields.text("dataset_hash"));
  identity.adapter = fields.text("adapter");
  if (fields.has("initial_adapter_hash")) {
    identity.initial_adapter_hash = Hash128::from_hex(fields.text("initial_adapter_hash"));
  }
  identity.training_yaml = fields.text("training_yaml");
  return identity;
}

}  // namespace temper
