// Child processes: started, waited for, captured.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace temper {

struct ProcessOptions {
  // Added to, or replacing, this process's environment.
  std::map<std::string, std::string> environment = {};
  std::string directory = {};  // empty: this process's
  // In a process group of its own: a terminal's Ctrl-C does not reach it, and its standard input is
  // empty.
  bool own_group = false;
  // What the child receives when this process dies without ending it; 0: nothing.
  int death_signal = 0;
  // Starts with SIGUSR1 ignored: one that comes before the program has installed its handler does
  // not kill it.
  bool ignore_usr1 = false;
  // Never arrives, unless the program unblocks it; 0: none.
  int blocked_signal = 0;
  // File descriptors that become the child's 0, 1, 2; -1 leaves them as they are.
  int standard_input = -1;
  int standard_output = -1;
  int standard_error = -1;
};

// How a process ended.
struct ExitStatus {
  int code = 0;    // meaningful when signal is 0
  int signal = 0;  // that killed it

  static ExitStatus from_wait(int wait_status);
  // As a shell gives it: 128 + signal.
  int shell_code() const { return signal == 0 ? code : 128 + signal; }
};

// Starts `arguments[0]` (looked up in PATH). SystemError when it cannot be executed.
pid_t start_process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});
ExitStatus wait_for_process(pid_t pid);

// Replaces this process by that program. SystemError when it cannot be executed.
[[noreturn]] void become_program(const std::vector<std::string>& arguments);

struct CapturedProcess {
  ExitStatus status;
  std::string standard_output;
  std::string standard_error;
  bool timed_out = false;  // and was killed
};

// Runs to the end with `input` on its standard input. Streams given in `options` are ignored.
CapturedProcess run_captured(const std::vector<std::string>& arguments, std::string_view input = "",
                             ProcessOptions options = {},
                             std::chrono::milliseconds timeout = std::chrono::minutes(10));

// The file that PATH finds for this name, or empty.
std::string find_program(const std::string& name);

}  // namespace temper
