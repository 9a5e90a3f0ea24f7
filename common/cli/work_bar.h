// How far a long piece of work is: a line of the terminal that is written over and over, or, where
// nobody looks on, a line of the log every ten seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace temper {

// Standard error, where it ends at a terminal (under mpirun it is a pipe: the front door says what
// it is connected to); else null.
std::FILE* live_terminal();

class WorkBar {
 public:
  // Work of `total` pieces. Rank 0 shows how far it is itself; the other ranks pass false.
  WorkBar(std::string what, int64_t total, bool is_shown, std::FILE* terminal = live_terminal(),
          std::chrono::milliseconds log_interval = std::chrono::seconds(10));
  ~WorkBar();  // wipes the line
  WorkBar(const WorkBar&) = delete;
  WorkBar& operator=(const WorkBar&) = delete;

  // Says that so many more pieces are done.
  void advance(int64_t pieces = 1);

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_;
  int64_t total_, done_ = 0;
  bool is_shown_, has_line_ = false;
  std::FILE* terminal_;
  std::chrono::milliseconds interval_;
  Clock::time_point began_ = Clock::now(), last_told_ = began_;
};

}  // namespace temper
