// adapter_config.json: an accepted adapter has a finite positive scale everywhere and survives
// being written and read again.
#include <cmath>

#include "arch/lora_config.h"
#include "common/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const LoraConfig lora = LoraConfig::from_json(parse_json(text, "input"), "input");
    for (const char* module : {"model.layers.0.self_attn.q_proj", "model.layers.1.mlp.up_proj"}) {
      TEMPER_CHECK(std::isfinite(lora.scale(module)) && lora.scale(module) > 0.0);
    }
    const Json written = lora.to_json("base");
    TEMPER_CHECK(LoraConfig::from_json(written, "again").to_json("base") == written);
  } catch (const UserError&) {
  }
  return 0;
}
