#include "text/tokenizer/model/word_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/hash.h"

namespace temper {
namespace {

constexpr size_t kNumSlots = size_t{1} << 17;
constexpr size_t kMaxWords = kNumSlots / 2;
constexpr size_t kMaxWordBytes = 128;

constexpr int kShortSlotBits = 15;  // 2 MiB

}  // namespace

ShortWordCache::ShortWordCache() : slots_(size_t{1} << kShortSlotBits) {}

ShortWordCache::Key ShortWordCache::key_of(std::string_view word, bool has_room) {
  static_assert(std::endian::native == std::endian::little, "the masks below keep the low bytes");
  Key key{0, 0};
  if (!has_room) {
    std::memcpy(&key, word.data(), word.size());
    return key;
  }
  std::memcpy(&key, word.data(), sizeof key);
  const size_t bits = word.size() * 8;
  if (bits < 64) {
    key.low &= (uint64_t{1} << bits) - 1;
    key.high = 0;
  } else if (bits < 128) {
    key.high &= (uint64_t{1} << (bits - 64)) - 1;
  }
  return key;
}

size_t ShortWordCache::place_of(Key key) {
  const uint64_t mixed = (key.low ^ std::rotl(key.high, 29)) * 0x9E3779B97F4A7C15u;
  return (mixed ^ (key.high * 0xC2B2AE3D27D4EB4Fu)) >> (64 - kShortSlotBits);
}

std::span<const WordToken> ShortWordCache::find(Key key, size_t word_bytes) const {
  const Slot& slot = slots_[place_of(key)];
  if (slot.key.low != key.low || slot.key.high != key.high || slot.word_bytes != word_bytes) {
    return {};
  }
  return {slot.tokens, slot.num_tokens};
}

void ShortWordCache::insert(Key key, size_t word_bytes, std::span<const WordToken> tokens) {
  if (tokens.empty() || tokens.size() > kMaxTokens) return;
  Slot& slot = slots_[place_of(key)];
  slot.key = key;
  slot.word_bytes = static_cast<uint32_t>(word_bytes);
  slot.num_tokens = static_cast<uint32_t>(tokens.size());
  std::copy(tokens.begin(), tokens.end(), slot.tokens);
}

bool WordCache::keeps(std::string_view word) {
  return word.size() <= kMaxWordBytes;
}

WordCache::WordCache() : slots_(kNumSlots) {}

uint64_t WordCache::hash(std::string_view word) {
  return hash_bytes(word.data(), word.size()).low;
}

std::span<const WordToken> WordCache::find(std::string_view word, uint64_t hash) const {
  for (size_t i = hash % kNumSlots;; i = (i + 1) % kNumSlots) {
    const Slot& slot = slots_[i];
    if (slot.word_bytes == 0) return {};
    if (slot.hash == hash && slot.word_bytes == word.size() &&
        word == std::string_view(words_).substr(slot.word_begin, slot.word_bytes)) {
      return std::span(tokens_).subspan(slot.tokens_begin, slot.num_tokens);
    }
  }
}

void WordCache::insert(std::string_view word, uint64_t hash, std::span<const WordToken> tokens) {
  if (word.empty() || tokens.empty() || word.size() > kMaxWordBytes) return;
  if (num_words_ == kMaxWords) clear();
  size_t i = hash % kNumSlots;
  while (slots_[i].word_bytes != 0) i = (i + 1) % kNumSlots;
  slots_[i] = {hash, static_cast<uint32_t>(words_.size()), static_cast<uint32_t>(word.size()),
               static_cast<uint32_t>(tokens_.size()), static_cast<uint32_t>(tokens.size())};
  words_ += word;
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  ++num_words_;
}

void WordCache::clear() {
  slots_.assign(kNumSlots, Slot{});
  num_words_ = 0;
  words_.clear();
  tokens_.clear();
}

}  // namespace temper
