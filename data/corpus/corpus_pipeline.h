// Works on the records of a corpus on several threads and hands the results on in their order.
#pragma once

#include <algorithm>
#include <deque>
#include <future>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "data/corpus/corpus_reader.h"
#include "data/corpus/worker_pool.h"

namespace temper {

// 0 means one per core.
inline int num_workers_or_cores(int num_workers) {
  return num_workers > 0 ? num_workers
                         : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

// For every record that `wanted(line)` wants (called here, in order): `work(line)` on one of the
// threads, then `take(result)` here, in order. Whatever one of them throws for the earliest record
// is thrown. In memory are the batches under way: two per thread and one, each of 64 records or
// 1 MiB of text or one longer record, and their results.
template <typename Wanted, typename Work, typename Take>
void for_each_record(CorpusReader& reader, int num_workers, Wanted wanted, Work work, Take take) {
  constexpr size_t kBatchRecords = 64, kBatchBytes = size_t{1} << 20;
  using Result = std::invoke_result_t<Work, const CorpusLine&>;
  using Lines = std::vector<CorpusLine>;
  const size_t max_under_way = 2 * static_cast<size_t>(num_workers);
  std::deque<std::future<std::vector<Result>>> under_way;
  WorkerPool pool(num_workers);
  const auto take_oldest = [&] {
    for (Result& result : under_way.front().get()) take(std::move(result));
    under_way.pop_front();
  };
  const auto read_batch = [&] {
    auto lines = std::make_shared<Lines>();
    size_t num_bytes = 0;
    CorpusLine line;
    while (lines->size() < kBatchRecords && num_bytes < kBatchBytes && reader.next(line)) {
      if (!wanted(line)) continue;
      num_bytes += line.json.size();
      lines->push_back(std::move(line));
    }
    return lines;
  };
  for (;;) {
    std::shared_ptr<Lines> lines;
    try {
      lines = read_batch();
    } catch (...) {
      // A record before the place that cannot be read may be wrong too: the first one is reported.
      while (!under_way.empty()) take_oldest();
      throw;
    }
    if (lines->empty()) break;
    under_way.push_back(pool.submit([lines, work] {
      std::vector<Result> results;
      results.reserve(lines->size());
      for (const CorpusLine& line : *lines) results.push_back(work(line));
      return results;
    }));
    if (under_way.size() > max_under_way) take_oldest();
  }
  while (!under_way.empty()) take_oldest();
}

}  // namespace temper
