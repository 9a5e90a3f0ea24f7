// A rank's file of a checkpoint (docs/formats/checkpoint.md) byte by byte: the header, and which
// slice of the state lies where. It is the same for every save of a run, so that a copy of the
// state can be laid out as the file itself and written from there without being touched again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/state_slices.h"

namespace temper {

class ShardImage {
 public:
  // The model must outlive the image.
  explicit ShardImage(ShardedModel& model);

  const std::string& file_name() const { return file_name_; }
  uint64_t size_bytes() const { return size_bytes_; }
  // Copies bytes [begin, end) of the file, for the state that the model holds now.
  void copy(uint64_t begin, uint64_t end, std::byte* out) const;

  // The hash sums of the rank's slices, and which of them is not finite.
  struct Digest {
    StateHasher hasher;
    std::string not_finite;  // "adam_m of NAME", or empty
    Hash128 file_hash;       // of the file's bytes; where it is wanted
  };
  //   // Digests a whole copy of the file, with the file's own hash only where that is wanted, or
  //   what the
  // model holds now.
  Digest digest(const std::byte* file, bool with_file_hash) const;
  Digest digest_live() const;

 private:
  struct Part {
    StateSlice slice;
    uint64_t offset = 0;  // in the file
    uint64_t num_bytes() const { return static_cast<uint64_t>(slice.count) * sizeof(float); }
  };

  std::string file_name_;
  std::string head_;
  uint64_t size_bytes_ = 0;
  std::vector<Part> parts_;  // by offset, without gaps
};

}  // namespace temper
