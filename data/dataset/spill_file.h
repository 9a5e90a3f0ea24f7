// Data that waits on disk because it may be larger than memory: a file without a name, which
// vanishes with the process, and a sorter of fixed-size entries on top of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <queue>
#include <type_traits>
#include <utility>
#include <vector>

#include "io/atomic_file.h"

namespace temper {

class SpillFile {
 public:
  // Lies beside `path`, whose name appears in messages. SystemError when it cannot be made or
  // written.
  SpillFile(const std::filesystem::path& path, const char* what);

  void append(const void* data, size_t num_bytes);
  void read(uint64_t offset, void* data, size_t num_bytes) const;
  uint64_t size() const { return size_; }

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  uint64_t size_ = 0;
};

// Elements of one type, appended and then read by index.
template <typename T>
class SpillVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  static constexpr size_t kBufferBytes = size_t{1} << 20;

  SpillVector(const std::filesystem::path& path, const char* what) : file_(path, what) {}

  void append(const T* values, size_t count) {
    buffer_.insert(buffer_.end(), values, values + count);
    num_elements_ += count;
    if (buffer_.size() * sizeof(T) >= kBufferBytes) flush();
  }
  void append(const T& value) { append(&value, 1); }
  uint64_t size() const { return num_elements_; }

  // Elements [begin, begin + count) into `out`.
  void read(uint64_t begin, size_t count, T* out) {
    flush();
    file_.read(begin * sizeof(T), out, count * sizeof(T));
  }
  T at(uint64_t index) {
    T value;
    read(index, 1, &value);
    return value;
  }

 private:
  void flush() {
    file_.append(buffer_.data(), buffer_.size() * sizeof(T));
    buffer_.clear();
  }

  SpillFile file_;
  std::vector<T> buffer_;
  uint64_t num_elements_ = 0;
};

// Sorts any number of entries in bounded memory: runs of `memory_bytes` are sorted and spilled,
// then merged. T has operator<.
template <typename T>
class ExternalSorter {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  ExternalSorter(const std::filesystem::path& path, const char* what,
                 size_t memory_bytes = size_t{16} << 20)
      : file_(path, what), max_entries_(std::max<size_t>(2, memory_bytes / sizeof(T))) {}

  void add(const T& entry) {
    run_.push_back(entry);
    if (run_.size() == max_entries_) spill();
  }

  // Calls `take` with every entry in ascending order. May be called again, but nothing may be added
  // after.
  template <typename Take>
  void merge(Take take) {
    if (runs_.empty()) {
      std::sort(run_.begin(), run_.end());
      for (const T& entry : run_) take(entry);
      return;
    }
    spill();
    run_ = {};
    std::vector<Cursor> cursors;
    const size_t buffer_entries = std::max<size_t>(1, max_entries_ / runs_.size());
    for (const auto& [begin, end] : runs_) cursors.push_back({begin, end, {}, 0});
    const auto later = [&cursors](size_t a, size_t b) {
      return cursors[b].front() < cursors[a].front();
    };
    std::priority_queue<size_t, std::vector<size_t>, decltype(later)> next(later);
    for (size_t i = 0; i < cursors.size(); ++i) {
      if (fill(cursors[i], buffer_entries)) next.push(i);
    }
    while (!next.empty()) {
      const size_t i = next.top();
      next.pop();
      take(cursors[i].front());
      ++cursors[i].at;
      if (fill(cursors[i], buffer_entries)) next.push(i);
    }
  }

 private:
  struct Cursor {
    uint64_t begin, end;  // entries still on disk
    std::vector<T> buffer;
    size_t at;
    const T& front() const { return buffer[at]; }
  };

  bool fill(Cursor& cursor, size_t buffer_entries) {
    if (cursor.at < cursor.buffer.size()) return true;
    const auto count =
        static_cast<size_t>(std::min<uint64_t>(buffer_entries, cursor.end - cursor.begin));
    cursor.buffer.resize(count);
    cursor.at = 0;
    file_.read(cursor.begin * sizeof(T), cursor.buffer.data(), count * sizeof(T));
    cursor.begin += count;
    return count > 0;
  }

  void spill() {
    if (run_.empty()) return;
    std::sort(run_.begin(), run_.end());
    const uint64_t begin = file_.size() / sizeof(T);
    file_.append(run_.data(), run_.size() * sizeof(T));
    runs_.emplace_back(begin, begin + run_.size());
    run_.clear();
  }

  SpillFile file_;
  size_t max_entries_;
  std::vector<T> run_;
  std::vector<std::pair<uint64_t, uint64_t>> runs_;
};

}  // namespace temper
