// Reads what a starter and its ranks write to standard error while it runs, and shows it without
// the starter's banners.
#pragma once

#include <atomic>
#include <optional>
#include <thread>

#include "io/atomic_file.h"
#include "launcher/ranks/starter_messages.h"

namespace temper {

class StarterOutput {
 public:
  StarterOutput();  // SystemError when there can be no pipe
  ~StarterOutput();
  StarterOutput(const StarterOutput&) = delete;
  StarterOutput& operator=(const StarterOutput&) = delete;

  // For the child's standard error. Once it has started, close ours.
  int write_end() const { return write_end_.get(); }
  void close_write_end() { write_end_ = FileDescriptor(); }

  // After the starter has ended: reads what is left. Processes that outlive it and hold the pipe
  // are not waited for.
  std::optional<FirstFailure> finish();

 private:
  void read_all();

  FileDescriptor read_end_;
  FileDescriptor write_end_;
  std::atomic<bool> starter_has_ended_{false};
  StarterMessages messages_;
  std::thread thread_;
};

}  // namespace temper
