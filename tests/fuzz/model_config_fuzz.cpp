// config.json: an accepted model has a parameter table whose sizes add up without overflow.
#include "arch/parameters.h"
#include "common/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const ModelConfig config = ModelConfig::from_json(parse_json(text, "input"), "input");
    TEMPER_CHECK(config.num_heads % config.num_kv_heads == 0 && config.head_dim % 2 == 0);
    __int128 total = 0;
    for (const ParameterInfo& parameter : base_parameters(config)) {
      __int128 count = 1;
      for (const int64_t dim : parameter.shape) {
        TEMPER_CHECK(dim > 0);
        count *= dim;
      }
      TEMPER_CHECK(count == parameter.num_elements());
      total += count;
    }
    TEMPER_CHECK(total == count_elements(base_parameters(config)));
    rope_inverse_frequencies(config);
  } catch (const UserError&) {
  }
  return 0;
}
