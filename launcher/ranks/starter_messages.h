// What mpirun and srun themselves say on standard error, told apart from what the ranks say: which
// rank ended first and how is kept, the usual banners are dropped, everything else goes through.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace temper {

struct FirstFailure {
  int rank = -1;  // -1: not known
  std::string node;
  std::string how;          // "signal 9 (Killed)"
  bool was_killed = false;  // it could not say so itself

  std::string text() const;  // "rank 1 on node2 ended first, with signal 9 (Killed)"
};

class StarterMessages {
 public:
  // The next bytes of the stream, in any pieces; returns what is to be shown of them now. A line
  // that cannot be the starter's is not held back, so that a live bar stays live.
  std::string take(std::string_view bytes);
  // What was held back at the end of the stream.
  std::string finish();

  const std::optional<FirstFailure>& first_failure() const { return first_failure_; }

 private:
  void take_line(const std::string& line, std::string& shown);
  bool ends_bar(char c);
  bool is_noise(const std::string& line);
  // Whether it is one of those that are dropped; keeps what it tells.
  bool understand(const std::string& block);
  void fail(int rank, const std::string& node, const std::string& how);

  std::string line_;        // without its end yet, when it may be the starter's
  bool passing_ = false;    // the line under way was shown as it came
  size_t clear_bytes_ = 0;  // seen of the sequence that ends a live bar
  std::string block_;       // between two rules
  bool in_block_ = false;
  std::optional<FirstFailure> first_failure_;
};

}  // namespace temper
