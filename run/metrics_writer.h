// The writing side of metrics.jsonl. A file system that fails for a while costs a run nothing: the
// lines that could not be appended wait and go first the next time, in their order, and half a line
// is completed before another follows it. Failing is said once, and so is what became of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>

namespace temper {

class MetricsWriter {
 public:
  // The file is made with the first line. At most `max_waiting_bytes` of lines wait; of more the
  // oldest are given up, which is said in the log and by an event "lost" where they would stand.
  explicit MetricsWriter(std::filesystem::path path, size_t max_waiting_bytes = size_t{4} << 20);
  // Tries a last time, and says what is not in the file.
  ~MetricsWriter();
  MetricsWriter(const MetricsWriter&) = delete;
  MetricsWriter& operator=(const MetricsWriter&) = delete;

  // `line` comes without its end. Throws nothing.
  void append(const std::string& line);

  size_t num_waiting() const { return waiting_.size(); }

 private:
  void write_waiting();
  void append_to_file();
  void find_end(int fd);
  std::string missing_part(int fd, const std::string& text) const;

  std::filesystem::path path_;
  size_t max_waiting_bytes_;
  std::deque<std::string> waiting_;
  size_t waiting_bytes_ = 0;
  int64_t num_lost_ = 0;      // of those that waited, not yet told in the file
  std::string line_end_;      // that half a line of an earlier attempt lacks
  int64_t end_ = -1;          // of what is in the file for sure; -1: not looked yet
  bool end_is_sure_ = false;  // nothing has failed since
  bool is_failing_ = false;
  std::string problem_;  // why it fails
};

}  // namespace temper
