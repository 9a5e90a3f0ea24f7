#include "common/hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"

namespace temper {
namespace {

std::vector<uint8_t> numbered_bytes(size_t count) {
  std::vector<uint8_t> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(i * 31 + i / 256);
  return bytes;
}

TEST(HashTest, is_xxh3_128) {
  // The value that XXH128 of no bytes is documented to have.
  EXPECT_EQ(hash_text("").hex(), "99aa06d3014798d86001c324468d497f");
}

TEST(HashTest, depends_on_every_byte_and_on_the_seed) {
  std::vector<uint8_t> bytes = numbered_bytes(300);
  const Hash128 before = hash_bytes(bytes.data(), bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 1;
    EXPECT_NE(hash_bytes(bytes.data(), bytes.size()), before);
    bytes[i] ^= 1;
  }
  EXPECT_EQ(hash_bytes(bytes.data(), bytes.size()), before);
  EXPECT_NE(hash_bytes(bytes.data(), bytes.size(), 1), before);
}

TEST(HashTest, hex_round_trips) {
  const Hash128 hash{0x0123456789abcdef, 0x00000000000000ff};
  EXPECT_EQ(hash.hex(), "0123456789abcdef00000000000000ff");
  EXPECT_EQ(Hash128::from_hex(hash.hex()), hash);
}

TEST(HashTest, from_hex_refuses_anything_else) {
  for (const char* text :
       {"", "0123", "0123456789abcdef00000000000000fg", "0123456789abcdef00000000000000ff0",
        "-123456789abcdef00000000000000ff", "0x23456789abcdef00000000000000ff",
        " 123456789abcdef00000000000000ff"}) {
    EXPECT_THAT(error_text<UserError>([&] { Hash128::from_hex(text); }),
                names("'" + std::string(text) + "'", "hash"));
  }
}

TEST(HashTest, addition_carries) {
  Hash128 sum{1, ~uint64_t{0}};
  sum += Hash128{2, 1};
  EXPECT_EQ(sum, (Hash128{4, 0}));
  Hash128 wrapped{~uint64_t{0}, ~uint64_t{0}};
  wrapped += Hash128{0, 1};
  EXPECT_EQ(wrapped, (Hash128{0, 0}));
}

TEST(HashTest, addition_does_not_depend_on_the_order) {
  std::vector<Hash128> hashes;
  for (uint64_t i = 0; i < 50; ++i) hashes.push_back(hash_bytes(&i, sizeof(i)));
  Hash128 forward, backward;
  for (size_t i = 0; i < hashes.size(); ++i) {
    forward += hashes[i];
    backward += hashes[hashes.size() - 1 - i];
  }
  EXPECT_EQ(forward, backward);
}

TEST(StreamHasherTest, equals_the_hash_of_the_whole) {
  for (const size_t size : {0, 1, 16, 17, 128, 129, 240, 241, 1000, 100000}) {
    const std::vector<uint8_t> bytes = numbered_bytes(size);
    for (const size_t piece : {1, 7, 64, 4096}) {
      if (piece == 1 && size > 1000) continue;
      StreamHasher hasher;
      for (size_t done = 0; done < size; done += piece) {
        hasher.update(bytes.data() + done, std::min(piece, size - done));
      }
      EXPECT_EQ(hasher.digest(), hash_bytes(bytes.data(), size)) << size << " by " << piece;
    }
  }
}

TEST(StreamHasherTest, goes_on_after_a_digest) {
  StreamHasher hasher;
  hasher.update("ab", 2);
  EXPECT_EQ(hasher.digest(), hash_text("ab"));
  hasher.update("cd", 2);
  EXPECT_EQ(hasher.digest(), hash_text("abcd"));
}

}  // namespace
}  // namespace temper
