#include "common/hash.h"

#include <fmt/format.h>
// Compiled here: half the time of the functions in the distributions' library.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <charconv>
#include <new>

#include "common/error.h"

namespace temper {
namespace {

struct StateDeleter {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

}  // namespace

struct StreamHasher::State {
  std::unique_ptr<XXH3_state_t, StateDeleter> xxh{XXH3_createState()};
};

std::string Hash128::hex() const {
  return fmt::format("{:016x}{:016x}", high, low);
}

Hash128 Hash128::from_hex(std::string_view text) {
  Hash128 hash;
  const auto parse = [&](std::string_view digits, uint64_t& value) {
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (text.size() != 32 || !parse(text.substr(0, 16), hash.high) ||
      !parse(text.substr(16), hash.low)) {
    throw UserError("'{}' is not a hash (32 hexadecimal digits)", text.substr(0, 64));
  }
  return hash;
}

Hash128& Hash128::operator+=(const Hash128& other) {
  low += other.low;
  high += other.high + (low < other.low ? 1 : 0);
  return *this;
}

Hash128 hash_bytes(const void* data, size_t num_bytes, uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(data, num_bytes, seed);
  return {hash.high64, hash.low64};
}

StreamHasher::StreamHasher() : state_(std::make_unique<State>()) {
  if (!state_->xxh) throw std::bad_alloc();
  TEMPER_CHECK(XXH3_128bits_reset(state_->xxh.get()) == XXH_OK);
}

StreamHasher::~StreamHasher() = default;
StreamHasher::StreamHasher(StreamHasher&&) noexcept = default;
StreamHasher& StreamHasher::operator=(StreamHasher&&) noexcept = default;

void StreamHasher::update(const void* data, size_t num_bytes) {
  TEMPER_CHECK(XXH3_128bits_update(state_->xxh.get(), data, num_bytes) == XXH_OK);
}

Hash128 StreamHasher::digest() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->xxh.get());
  return {hash.high64, hash.low64};
}

}  // namespace temper
