// Packs documents into rows: best fit decreasing over a bounded window of documents, none of them
// split. Deterministic: the rows depend on the documents and their order only.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "data/dataset/packed_document.h"

namespace temper {

class RowPacker {
 public:
  // Called once per row, with its documents in the order in which they were added.
  using EmitRow = std::function<void(const std::vector<const PackedDocument*>& documents)>;

  struct Window {
    size_t num_documents = 16384;
    int64_t num_tokens = int64_t{4} << 20;  // 5 bytes each while they wait
  };

  RowPacker(int64_t sequence_len, Window window, EmitRow emit_row);
  RowPacker(int64_t sequence_len, EmitRow emit_row)
      : RowPacker(sequence_len, Window(), std::move(emit_row)) {}

  void add(PackedDocument document);
  // Packs what still waits. Nothing may be added after.
  void finish();

 private:
  void pack_window();

  int64_t sequence_len_;
  Window window_;
  EmitRow emit_row_;
  std::vector<PackedDocument> waiting_;
  int64_t waiting_tokens_ = 0;
};

}  // namespace temper
