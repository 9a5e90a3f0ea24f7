// Reads the micro-batches of one rank ahead of the training, on a thread of its own. Where the rank
// stands is one integer, the position of its next micro-batch in the run's stream of rows; nothing
// of the loader is saved.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "arch/layout/working_memory.h"
#include "data/dataset/packed_dataset.h"
#include "data/order/micro_batch.h"

namespace temper {

class BatchLoader {
 public:
  struct Plan {
    int64_t micro_batch_size = 1;  // rows
    int64_t micro_batches_per_step =
        1;  // over all ranks; micro-batch m belongs to rank m mod ranks
    int64_t num_ranks = 1;
  };
  // The row at a position of the run's stream. Called from the loader's thread.
  using ReadRow = std::function<PackedRow(int64_t position)>;

  // Holds up to `depth` micro-batches.
  BatchLoader(ReadRow read_row, const Plan& plan, size_t depth = kMicroBatchesAhead);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  // The micro-batch whose first row is at `position`. It is there already when this is the one that
  // follows the last on this rank; else reading begins anew from here. Throws what reading it
  // threw.
  MicroBatch take(int64_t position);

  // Where the micro-batch begins that this rank computes after the one at `position`.
  int64_t position_after(int64_t position) const;
  // What take() has waited for since the beginning.
  double seconds_waited() const { return seconds_waited_; }

 private:
  struct Loaded {
    int64_t position;
    MicroBatch batch;
    std::exception_ptr error;
  };

  void run();
  Loaded load(int64_t position) const;

  ReadRow read_row_;
  Plan plan_;
  size_t depth_;
  double seconds_waited_ = 0.0;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Loaded> loaded_;  // in order
  int64_t next_ = -1;          // what the thread reads next; -1: nothing yet
  int64_t under_way_ = -1;     // what it reads now; -1: nothing
  int64_t generation_ = 0;     // of take() beginning anew
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace temper
