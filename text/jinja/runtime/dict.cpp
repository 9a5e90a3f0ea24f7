// Dicts: entries in order, with an index once there are many.
#include <algorithm>

#include "text/jinja/runtime/value.h"

namespace temper {
namespace {

constexpr size_t kSmallDict = 12;  // entries that are looked through one by one

}  // namespace

JinjaDict::Entry* JinjaDict::find_entry(const JinjaValue& key, uint64_t hash, JinjaBudget& budget) {
  if (entries.size() <= kSmallDict) {
    for (Entry& entry : entries) {
      if (jinja_equal(entry.first, key, budget)) return &entry;
    }
    return nullptr;
  }
  const auto [begin, end] = index_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (jinja_equal(entries[at->second].first, key, budget)) return &entries[at->second];
  }
  return nullptr;
}

void JinjaDict::index_entry(size_t entry, uint64_t hash) {
  if (entries.size() <= kSmallDict) return;
  if (index_.empty()) {
    JinjaBudget unlimited(UINT64_MAX);
    for (size_t i = 0; i < entry; ++i) index_.emplace(jinja_hash(entries[i].first, unlimited), i);
  }
  index_.emplace(hash, entry);
}

void JinjaDict::set(JinjaValue key, JinjaValue value, JinjaBudget& budget) {
  budget.charge(2 * sizeof(Entry));
  const uint64_t hash = jinja_hash(key, budget);
  hold(std::max(key.nesting(), value.nesting()));
  if (Entry* entry = find_entry(key, hash, budget)) {
    entry->second = std::move(value);
    return;
  }
  entries.emplace_back(std::move(key), std::move(value));
  index_entry(entries.size() - 1, hash);
}

void JinjaDict::append(JinjaValue key, JinjaValue value) {
  JinjaBudget unlimited(UINT64_MAX);
  const uint64_t hash = entries.size() < kSmallDict ? 0 : jinja_hash(key, unlimited);
  hold(value.nesting());
  entries.emplace_back(std::move(key), std::move(value));
  index_entry(entries.size() - 1, hash);
}

const JinjaValue* JinjaDict::find(const JinjaValue& key, JinjaBudget& budget) const {
  const uint64_t hash = jinja_hash(key, budget);
  const Entry* entry = const_cast<JinjaDict*>(this)->find_entry(key, hash, budget);
  return entry ? &entry->second : nullptr;
}

const JinjaValue* JinjaDict::find(std::string_view key) const {
  if (entries.size() <= kSmallDict) {
    for (const Entry& entry : entries) {
      if (entry.first.is_string() && entry.first.as_text() == key) return &entry.second;
    }
    return nullptr;
  }
  JinjaBudget unlimited(UINT64_MAX);
  return find(JinjaValue::borrowed(key), unlimited);
}

}  // namespace temper
