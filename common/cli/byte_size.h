// Sizes as people write them.
#pragma once

#include <cstdint>
#include <string>

namespace temper {

// "64G", "512M", "1.5T", "8000000": K, M, G and T are powers of 1024. Without a letter it is
// `unit_bytes` each. UserError, which names `place`, for anything else.
int64_t parse_byte_size(const std::string& text, const std::string& place, int64_t unit_bytes = 1);

}  // namespace temper
