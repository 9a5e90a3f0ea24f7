// A safetensors file: what is accepted must lie inside the file, tensor by tensor.
#include "common/error.h"
#include "io/safetensors/safetensors_header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  const std::span file(reinterpret_cast<const std::byte*>(data), size);
  try {
    const SafetensorsHeader header = parse_safetensors_header(file, "input");
    uint64_t total_bytes = 0;
    for (const auto& [name, info] : header.tensors) {
      TEMPER_CHECK(info.begin <= info.end && info.end <= size - header.data_begin);
      TEMPER_CHECK(info.num_bytes() ==
                   static_cast<uint64_t>(info.num_elements()) * dtype_size_bytes(info.dtype));
      total_bytes += info.num_bytes();
    }
    TEMPER_CHECK(header.data_begin + total_bytes == size);
  } catch (const UserError&) {
  }
  return 0;
}
