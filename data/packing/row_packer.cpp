#include "data/packing/row_packer.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

// Each row's documents as ascending indices into `lengths`, rows by their first document.
std::vector<std::vector<size_t>> best_fit_decreasing(const std::vector<int64_t>& lengths,
                                                     int64_t sequence_len) {
  std::vector<size_t> by_length(lengths.size());
  std::iota(by_length.begin(), by_length.end(), size_t{0});
  std::stable_sort(by_length.begin(), by_length.end(),
                   [&](size_t a, size_t b) { return lengths[a] > lengths[b]; });
  std::vector<std::vector<size_t>> rows;
  std::set<std::pair<int64_t, size_t>> space;  // (tokens free, row)
  for (const size_t document : by_length) {
    const int64_t length = lengths[document];
    const auto tightest = space.lower_bound({length, 0});
    size_t row = rows.size();
    int64_t free = sequence_len;
    if (tightest != space.end()) {
      std::tie(free, row) = *tightest;
      space.erase(tightest);
    } else {
      rows.emplace_back();
    }
    rows[row].push_back(document);
    if (free > length) space.insert({free - length, row});
  }
  for (auto& row : rows) std::sort(row.begin(), row.end());
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

RowPacker::RowPacker(int64_t sequence_len, Window window, EmitRow emit_row)
    : sequence_len_(sequence_len), window_(window), emit_row_(std::move(emit_row)) {
  TEMPER_CHECK(sequence_len > 0 && window.num_documents > 0);
}

void RowPacker::add(PackedDocument document) {
  const auto length = static_cast<int64_t>(document.tokens.size());
  TEMPER_CHECK(length > 0 && length <= sequence_len_, "a document of {} tokens", length);
  TEMPER_CHECK(document.supervised.size() == document.tokens.size() && !document.supervised[0]);
  waiting_.push_back(std::move(document));
  waiting_tokens_ += length;
  if (waiting_.size() >= window_.num_documents || waiting_tokens_ >= window_.num_tokens) {
    pack_window();
  }
}

void RowPacker::finish() {
  pack_window();
}

void RowPacker::pack_window() {
  std::vector<int64_t> lengths;
  for (const PackedDocument& document : waiting_) {
    lengths.push_back(static_cast<int64_t>(document.tokens.size()));
  }
  for (const std::vector<size_t>& row : best_fit_decreasing(lengths, sequence_len_)) {
    std::vector<const PackedDocument*> documents;
    for (const size_t index : row) documents.push_back(&waiting_[index]);
    emit_row_(documents);
  }
  waiting_.clear();
  waiting_tokens_ = 0;
}

}  // namespace temper
