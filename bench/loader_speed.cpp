// temper-bench-loader DATASET.h5 [ROWS]: how fast a packed dataset opens, is resumed at 90% and is
// read in shuffled order, beside bare pread of the same bytes, and how long a training that
// computes 20 ms a micro-batch waits for data.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <thread>
#include <vector>

#include "data/dataset/packed_dataset.h"
#include "data/order/batch_loader.h"
#include "data/order/row_mixture.h"
#include "io/hdf5.h"

namespace temper {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

constexpr int64_t kRowsPerBatch = 8;

// Opening and the first micro-batch at `share` of the epoch, in milliseconds.
double first_batch_ms(const char* path, double share) {
  const auto start = Clock::now();
  const PackedDataset dataset(path);
  const RowMixture mixture({{dataset.info().num_rows, 1.0}}, 1, true);
  const auto position = static_cast<int64_t>(share * static_cast<double>(dataset.info().num_rows)) /
                        kRowsPerBatch * kRowsPerBatch;
  BatchLoader loader([&](int64_t p) { return dataset.row(mixture.at(p).row); },
                     {kRowsPerBatch, 1, 1});
  loader.take(position);
  return 1e3 * seconds_since(start);
}

double median_first_batch_ms(const char* path, double share) {
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) times.push_back(first_batch_ms(path, share));
  std::sort(times.begin(), times.end());
  return times[3];
}

// Rows a second of bare pread, two calls a row, in the same order.
double raw_rows_per_second(const char* path, const RowMixture& mixture, int64_t sequence_len,
                           int64_t num_rows) {
  uint64_t tokens_at = 0, supervised_at = 0;
  {
    const H5Reader file(path);
    tokens_at = file.root().group("rows").dataset("tokens").file_offset();
    supervised_at = file.root().group("rows").dataset("supervised").file_offset();
  }
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const auto length = static_cast<size_t>(sequence_len);
  std::vector<char> buffer(length * 5);
  const auto start = Clock::now();
  for (int64_t i = 0; i < num_rows; ++i) {
    const auto row = static_cast<size_t>(mixture.at(i).row);
    const ssize_t a =
        pread(fd, buffer.data(), length * 4, static_cast<off_t>(tokens_at + row * length * 4));
    const ssize_t b = pread(fd, buffer.data() + length * 4, length,
                            static_cast<off_t>(supervised_at + row * length));
    if (a < 0 || b < 0) std::exit(1);
  }
  const double seconds = seconds_since(start);
  close(fd);
  return static_cast<double>(num_rows) / seconds;
}

double rows_per_second(const PackedDataset& dataset, const RowMixture& mixture, int64_t num_rows) {
  const auto start = Clock::now();
  for (int64_t i = 0; i < num_rows; ++i) dataset.row(mixture.at(i).row);
  return static_cast<double>(num_rows) / seconds_since(start);
}

void run(const char* path, int64_t wanted) {
  fmt::print("open and first micro-batch: {:.1f} ms; at 90%: {:.1f} ms\n",
             median_first_batch_ms(path, 0.0), median_first_batch_ms(path, 0.9));
  const PackedDataset dataset(path);
  const int64_t num_rows = std::min(wanted, dataset.info().num_rows);
  const RowMixture mixture({{dataset.info().num_rows, 1.0}}, 1, true);
  const double first = rows_per_second(dataset, mixture, num_rows);
  for (int i = 0; i < 3; ++i) {
    const double raw = raw_rows_per_second(path, mixture, dataset.info().sequence_len, num_rows);
    const double ours = rows_per_second(dataset, mixture, num_rows);
    fmt::print("rows/s: pread {:.0f}, dataset {:.0f} ({:.2f}x)\n", raw, ours, ours / raw);
  }
  fmt::print("rows/s while blocks are read for the first time: {:.0f}\n", first);
  BatchLoader loader([&](int64_t p) { return dataset.row(mixture.at(p).row); },
                     {kRowsPerBatch, 1, 1});
  loader.take(0);
  const double before = loader.seconds_waited();
  const auto start = Clock::now();
  for (int64_t batch = 1; batch <= 200; ++batch) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    loader.take(batch * kRowsPerBatch);
  }
  fmt::print("stall share at 20 ms a micro-batch of {} rows: {:.4f}%\n", kRowsPerBatch,
             100 * (loader.seconds_waited() - before) / seconds_since(start));
}

}  // namespace
}  // namespace temper

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: {} DATASET.h5 [ROWS]\n", argv[0]);
    return 2;
  }
  try {
    temper::run(argv[1], argc > 2 ? std::atoll(argv[2]) : 200'000);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
