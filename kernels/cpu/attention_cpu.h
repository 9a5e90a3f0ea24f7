// Forward and backward of attention's CPU loops share this. Inside kernels/ only.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "kernels/attention_blocks.h"
#include "kernels/cpu/attention_products.h"
#include "kernels/cpu/attention_rows.h"

namespace temper {

// The part of `keys` that the queries see, at least one of them; counted from keys.begin.
inline Span visible(const AttentionDocument& document, Span queries, int64_t window, Span keys) {
  const int64_t begin = document.first_key(queries.begin, window) - keys.begin;
  const int64_t end = document.level(queries.end - 1) + 1 - keys.begin;
  return {std::clamp<int64_t>(begin, 0, keys.size()), std::clamp<int64_t>(end, 0, keys.size())};
}

// The columns `columns` of a strip of scores, which are counted from keys.begin.
inline ScoreStrip score_strip(const AttentionDocument& document, Span queries, int64_t window,
                              Span keys, Span columns, const Slice& scores) {
  const int64_t level = document.level(queries.begin) - keys.begin - columns.begin;
  return {scores.data() + columns.begin,
          scores.stride,
          queries.size(),
          columns.size(),
          level - window + 1,
          level + 1};
}

// Calls function(piece) for pieces [begin, begin + size), ... of [all.begin, all.end).
template <typename Function>
void for_each_piece(Span all, int64_t size, Function&& function) {
  for (int64_t i = all.begin; i < all.end; i += size) {
    function(Span{i, std::min(i + size, all.end)});
  }
}

// Threads take tasks as they become free; each makes itself a worker, and calls worker(task).
template <typename MakeWorker>
void for_each_task(int64_t num_tasks, MakeWorker&& make_worker) {
  std::atomic<int64_t> next = 0;
  const int64_t threads = std::min<int64_t>(at::get_num_threads(), num_tasks);
  at::parallel_for(0, threads, 1, [&](int64_t, int64_t) {
    auto worker = make_worker();
    for (int64_t task = next++; task < num_tasks; task = next++) worker(task);
  });
}

}  // namespace temper
