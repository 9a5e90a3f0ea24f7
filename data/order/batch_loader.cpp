#include "data/order/batch_loader.h"

#include <chrono>
#include <utility>
#include <vector>

#include "common/error.h"

namespace temper {

BatchLoader::BatchLoader(ReadRow read_row, const Plan& plan, size_t depth)
    : read_row_(std::move(read_row)), plan_(plan), depth_(depth) {
  TEMPER_CHECK(plan.micro_batch_size > 0 && plan.micro_batches_per_step > 0 && plan.num_ranks > 0 &&
               depth > 0);
  thread_ = std::thread([this] { run(); });
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

int64_t BatchLoader::position_after(int64_t position) const {
  const int64_t rows_per_step = plan_.micro_batch_size * plan_.micro_batches_per_step;
  const int64_t step_begin = position - position % rows_per_step;
  const int64_t micro_batch = (position - step_begin) / plan_.micro_batch_size;
  const int64_t next = micro_batch + plan_.num_ranks;
  if (next < plan_.micro_batches_per_step) return step_begin + next * plan_.micro_batch_size;
  return step_begin + rows_per_step + micro_batch % plan_.num_ranks * plan_.micro_batch_size;
}

MicroBatch BatchLoader::take(int64_t position) {
  std::unique_lock lock(mutex_);
  const int64_t coming = !loaded_.empty()  ? loaded_.front().position
                         : under_way_ >= 0 ? under_way_
                                           : next_;
  if (coming != position) {
    loaded_.clear();
    under_way_ = -1;
    next_ = position;
    ++generation_;
  }
  if (loaded_.empty()) {
    const auto start = std::chrono::steady_clock::now();
    wake_.notify_all();
    wake_.wait(lock, [this] { return !loaded_.empty(); });
    seconds_waited_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  Loaded loaded = std::move(loaded_.front());
  loaded_.pop_front();
  // After an error the thread stands still; whoever asks again makes it try again.
  if (loaded.error) next_ = -1;
  lock.unlock();
  wake_.notify_all();
  TEMPER_CHECK(loaded.position == position);
  if (loaded.error) std::rethrow_exception(loaded.error);
  return std::move(loaded.batch);
}

void BatchLoader::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] {
      const bool stands_still = !loaded_.empty() && loaded_.back().error;
      return stopping_ || (next_ >= 0 && loaded_.size() < depth_ && !stands_still);
    });
    if (stopping_) return;
    const int64_t position = next_, generation = generation_;
    next_ = position_after(position);
    under_way_ = position;
    lock.unlock();
    Loaded loaded = load(position);
    lock.lock();
    if (generation != generation_) continue;  // not wanted any more
    under_way_ = -1;
    loaded_.push_back(std::move(loaded));
    wake_.notify_all();
  }
}

BatchLoader::Loaded BatchLoader::load(int64_t position) const {
  Loaded loaded{position, {}, nullptr};
  try {
    std::vector<PackedRow> rows;
    for (int64_t i = 0; i < plan_.micro_batch_size; ++i) rows.push_back(read_row_(position + i));
    loaded.batch = make_micro_batch(rows);
  } catch (...) {
    loaded.error = std::current_exception();
  }
  return loaded;
}

}  // namespace temper
