#include "launcher/ranks/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "common/error.h"
#include "io/atomic_file.h"

extern char** environ;

namespace temper {
namespace {

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;

  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw SystemError("cannot make a pipe: {}", errno_text(errno));
    }
    read_end = FileDescriptor(ends[0]);
    write_end = FileDescriptor(ends[1]);
  }
};

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (added.count(text.substr(0, text.find('='))) == 0) merged.push_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(fmt::format("{}={}", name, value));
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

void reset_signals(const ProcessOptions& options) {
  sigset_t blocked;
  sigemptyset(&blocked);
  if (options.blocked_signal != 0) sigaddset(&blocked, options.blocked_signal);
  sigprocmask(SIG_SETMASK, &blocked, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGQUIT, SIGPIPE, SIGCHLD}) signal(number, SIG_DFL);
  signal(SIGUSR1, options.ignore_usr1 ? SIG_IGN : SIG_DFL);
}

bool replace_stream(int from, int to) {
  return from < 0 || dup2(from, to) >= 0;
}

// Between fork and exec: only what is safe there. Returns when something failed, with errno set.
void become(const char* program, const std::vector<char*>& arguments,
            const std::vector<char*>& environment, const ProcessOptions& options, pid_t parent) {
  if (options.own_group) {
    if (setpgid(0, 0) != 0) return;
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0) return;
  }
  if (options.death_signal != 0) {
    if (prctl(PR_SET_PDEATHSIG, options.death_signal) != 0) return;
    // The parent may have died before the request was made.
    if (getppid() != parent) _exit(1);
  }
  if (!replace_stream(options.standard_input, STDIN_FILENO)) return;
  if (!replace_stream(options.standard_output, STDOUT_FILENO)) return;
  if (!replace_stream(options.standard_error, STDERR_FILENO)) return;
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) return;
  reset_signals(options);
  execve(program, arguments.data(), environment.data());
}

// Writes what is left of the input and reads both outputs until they end or time runs out.
class Conversation {
 public:
  Conversation(std::string_view input, Pipe& in, Pipe& out, Pipe& err)
      : input_(input), in_(in), out_(out), err_(err) {
    fcntl(in_.write_end.get(), F_SETFL, O_NONBLOCK);
    if (input_.empty()) in_.write_end = FileDescriptor();
  }

  // False when the deadline passed.
  bool hold(CapturedProcess& captured, std::chrono::steady_clock::time_point deadline) {
    while (out_.read_end.is_open() || err_.read_end.is_open()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      std::array<pollfd, 3> polled = {pollfd{out_.read_end.get(), POLLIN, 0},
                                      pollfd{err_.read_end.get(), POLLIN, 0},
                                      pollfd{in_.write_end.get(), POLLOUT, 0}};
      if (poll(polled.data(), polled.size(), static_cast<int>(left.count())) < 0 &&
          errno != EINTR) {
        throw SystemError("cannot wait for a child's output: {}", errno_text(errno));
      }
      if (polled[0].revents != 0) receive(out_.read_end, captured.standard_output);
      if (polled[1].revents != 0) receive(err_.read_end, captured.standard_error);
      if (polled[2].revents != 0) send();
    }
    return true;
  }

 private:
  static void receive(FileDescriptor& from, std::string& text) {
    std::array<char, 65536> buffer{};
    const ssize_t count = read(from.get(), buffer.data(), buffer.size());
    if (count > 0) text.append(buffer.data(), static_cast<size_t>(count));
    if (count == 0 || (count < 0 && errno != EINTR)) from = FileDescriptor();
  }

  void send() {
    const ssize_t count = write(in_.write_end.get(), input_.data(), input_.size());
    if (count > 0) input_.remove_prefix(static_cast<size_t>(count));
    const bool broken = count < 0 && errno != EINTR && errno != EAGAIN;
    if (input_.empty() || broken) in_.write_end = FileDescriptor();
  }

  std::string_view input_;
  Pipe& in_;
  Pipe& out_;
  Pipe& err_;
};

// A child that stops reading its input must not kill this process.
class IgnorePipeSignal {
 public:
  IgnorePipeSignal() : before_(signal(SIGPIPE, SIG_IGN)) {}
  ~IgnorePipeSignal() { signal(SIGPIPE, before_); }

 private:
  void (*before_)(int);
};

}  // namespace

ExitStatus ExitStatus::from_wait(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {0, WTERMSIG(wait_status)};
  return {WEXITSTATUS(wait_status), 0};
}

pid_t start_process(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  TEMPER_CHECK(!arguments.empty());
  const std::string program = find_program(arguments[0]);
  if (program.empty()) throw SystemError("{}: no such program", arguments[0]);
  // The name stays as it was given: an absolute one means something else to mpirun.
  std::vector<std::string> argument_texts = arguments;
  std::vector<std::string> environment_texts = merged_environment(options.environment);
  const std::vector<char*> argument_pointers = pointers(argument_texts);
  const std::vector<char*> environment_pointers = pointers(environment_texts);

  Pipe failure;  // closed by a successful exec
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) throw SystemError("cannot start {}: {}", program, errno_text(errno));
  if (pid == 0) {
    become(program.c_str(), argument_pointers, environment_pointers, options, parent);
    const int error = errno;
    const ssize_t written = write(failure.write_end.get(), &error, sizeof error);
    _exit(written == sizeof error ? 127 : 126);
  }
  failure.write_end = FileDescriptor();
  int error = 0;
  ssize_t count = 0;
  do {
    count = read(failure.read_end.get(), &error, sizeof error);
  } while (count < 0 && errno == EINTR);
  if (count == sizeof error) {
    wait_for_process(pid);
    throw SystemError("cannot start {}: {}", program, errno_text(error));
  }
  return pid;
}

void become_program(const std::vector<std::string>& arguments) {
  const std::string program = find_program(arguments.at(0));
  if (program.empty()) throw SystemError("{}: no such program", arguments[0]);
  std::vector<std::string> texts = arguments;
  const std::vector<char*> argument_pointers = pointers(texts);
  std::cout.flush();
  execv(program.c_str(), argument_pointers.data());
  throw SystemError("cannot start {}: {}", program, errno_text(errno));
}

ExitStatus wait_for_process(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw SystemError("cannot wait for a child: {}", errno_text(errno));
  }
  return ExitStatus::from_wait(status);
}

CapturedProcess run_captured(const std::vector<std::string>& arguments, std::string_view input,
                             ProcessOptions options, std::chrono::milliseconds timeout) {
  const IgnorePipeSignal ignore_pipe_signal;
  Pipe in;
  Pipe out;
  Pipe err;
  options.standard_input = in.read_end.get();
  options.standard_output = out.write_end.get();
  options.standard_error = err.write_end.get();
  const pid_t pid = start_process(arguments, options);
  in.read_end = FileDescriptor();
  out.write_end = FileDescriptor();
  err.write_end = FileDescriptor();

  CapturedProcess captured;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  captured.timed_out = !Conversation(input, in, out, err).hold(captured, deadline);
  if (captured.timed_out) kill(options.own_group ? -pid : pid, SIGKILL);
  captured.status = wait_for_process(pid);
  return captured;
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  const std::string places = path != nullptr ? path : "/usr/bin:/bin";
  for (size_t begin = 0; begin <= places.size();) {
    const size_t end = std::min(places.find(':', begin), places.size());
    const std::string candidate = places.substr(begin, end - begin) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return "";
}

}  // namespace temper
