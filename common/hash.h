// 128-bit XXH3 hashes: fast fingerprints of files, weights and vocabularies. They find damage and
// mix-ups, not forgery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace temper {

struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;

  std::string hex() const;                         // 32 lower-case digits
  static Hash128 from_hex(std::string_view text);  // throws UserError on anything else

  // Sum modulo 2^128: the hash of a set does not depend on the order of its members.
  Hash128& operator+=(const Hash128& other);
  bool operator==(const Hash128&) const = default;
};

Hash128 hash_bytes(const void* data, size_t num_bytes, uint64_t seed = 0);
inline Hash128 hash_text(std::string_view text, uint64_t seed = 0) {
  return hash_bytes(text.data(), text.size(), seed);
}

// The hash of bytes that arrive in pieces; equal to hash_bytes of their concatenation.
class StreamHasher {
 public:
  StreamHasher();
  ~StreamHasher();
  StreamHasher(StreamHasher&&) noexcept;
  StreamHasher& operator=(StreamHasher&&) noexcept;

  void update(const void* data, size_t num_bytes);
  Hash128 digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace temper
