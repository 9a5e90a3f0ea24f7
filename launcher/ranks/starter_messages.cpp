#include "launcher/ranks/starter_messages.h"

#include <algorithm>
#include <array>
#include <regex>

#include "common/error.h"

namespace temper {
namespace {

constexpr size_t kMaxHeldBytes = 16384;
// A line that begins otherwise is a rank's.
constexpr std::string_view kForwarding = "mpirun: Forwarding signal ";
constexpr std::array<std::string_view, 4> kBeginnings = {"-----", "srun: error: ", "[",
                                                         kForwarding};

bool may_be_starters(std::string_view line) {
  return std::any_of(kBeginnings.begin(), kBeginnings.end(), [&](std::string_view beginning) {
    const size_t common = std::min(beginning.size(), line.size());
    return line.substr(0, common) == beginning.substr(0, common);
  });
}

bool is_rule(const std::string& line) {
  return line.size() >= 60 && line.find_first_not_of('-') == line.npos;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != text.npos;
}

// "9 (Killed)" of "signal 9 (Killed)"; a text that srun has translated.
std::string how_in(const std::string& words) {
  return words.starts_with("Exited with exit code ") ? "code " + words.substr(22) : words;
}

}  // namespace

std::string FirstFailure::text() const {
  const std::string who = rank < 0 ? "a rank" : fmt::format("rank {}", rank);
  return fmt::format("{}{} ended first, with {}", who, node.empty() ? "" : " on " + node, how);
}

std::string StarterMessages::take(std::string_view bytes) {
  std::string shown;
  for (const char c : bytes) {
    if (passing_) {
      shown += c;
      if (c == '\n' || ends_bar(c)) passing_ = false;
      continue;
    }
    if (c == '\n') {
      take_line(line_, shown);
      line_.clear();
      continue;
    }
    line_ += c;
    const bool is_long = line_.size() > kMaxHeldBytes;
    if (is_long || (!in_block_ && !may_be_starters(line_))) {
      shown += line_;
      line_.clear();
      passing_ = true;
    }
  }
  return shown;
}

std::string StarterMessages::finish() {
  const std::string rest = block_ + line_;
  block_.clear();
  line_.clear();
  in_block_ = false;
  return rest;
}

void StarterMessages::take_line(const std::string& line, std::string& shown) {
  const bool rule = is_rule(line);
  if (!in_block_) {
    if (rule) {
      in_block_ = true;
      block_ = line + "\n";
    } else if (!is_noise(line)) {
      shown += line + "\n";
    }
    return;
  }
  block_ += line + "\n";
  if (!rule && block_.size() <= kMaxHeldBytes) return;
  if (!understand(block_)) shown += block_;
  block_.clear();
  in_block_ = false;
}

// A live bar has no newline: it ends with the sequence that clears the rest of its line.
bool StarterMessages::ends_bar(char c) {
  constexpr std::string_view kClear = "\033[K";
  clear_bytes_ = c == kClear[clear_bytes_] ? clear_bytes_ + 1 : (c == kClear[0] ? 1 : 0);
  if (clear_bytes_ < kClear.size()) return false;
  clear_bytes_ = 0;
  return true;
}

bool StarterMessages::is_noise(const std::string& line) {
  static const std::regex kTask(R"(srun: error: (\S+): tasks? (\d+)[^:]*: (.*))");
  std::smatch match;
  if (std::regex_match(line, match, kTask)) {
    fail(std::stoi(match[2].str().substr(0, 9)), match[1], how_in(match[3]));
    return true;
  }
  if (line.starts_with(kForwarding)) return true;
  return line.starts_with("[") &&
         (contains(line, "show_help.c") || contains(line, "more process has sent help message") ||
          contains(line, "more processes have sent help message") ||
          contains(line, "orte_base_help_aggregate"));
}

bool StarterMessages::understand(const std::string& block) {
  static const std::regex kSignal(
      R"(process rank (\d+) with PID \d+ on node (\S+) exited on (signal \d+ \([^)]*\)))");
  static const std::regex kCode(R"(Process name: \[\[\d+,\d+\],(\d+)\]\s+Exit code:\s+(\d+))");
  static const std::regex kDaemon(R"(Remote daemon: \S+ on node (\S+))");
  std::smatch match;
  if (std::regex_search(block, match, kSignal)) {
    fail(std::stoi(match[1].str().substr(0, 9)), match[2], match[3]);
    return true;
  }
  if (std::regex_search(block, match, kCode)) {
    fail(std::stoi(match[1].str().substr(0, 9)), "", "code " + match[2].str());
    return true;
  }
  if (contains(block, "ORTE has lost communication with a remote daemon") &&
      std::regex_search(block, match, kDaemon)) {
    fail(-1, match[1], "its node (no answer from it)");
    return false;
  }
  return contains(block, "Primary job  terminated normally") ||
         contains(block, "MPI_ABORT was invoked on rank") ||
         // A full /dev/shm: the ranks say what they need of it.
         contains(block, "the shared-memory backing");
}

void StarterMessages::fail(int rank, const std::string& node, const std::string& how) {
  // The ranks that follow are ended by the starter.
  if (!first_failure_) first_failure_ = {rank, node, how, !how.starts_with("code ")};
}

}  // namespace temper
