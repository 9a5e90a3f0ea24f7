#include "launcher/ranks/starter_output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>

#include "common/error.h"

namespace temper {
namespace {

constexpr int kPollMilliseconds = 200;

void show(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

StarterOutput::StarterOutput() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw SystemError("cannot make a pipe: {}", errno_text(errno));
  }
  read_end_ = FileDescriptor(ends[0]);
  write_end_ = FileDescriptor(ends[1]);
  thread_ = std::thread([this] { read_all(); });
}

StarterOutput::~StarterOutput() {
  finish();
}

std::optional<FirstFailure> StarterOutput::finish() {
  if (thread_.joinable()) {
    close_write_end();
    starter_has_ended_ = true;
    thread_.join();
    show(messages_.finish());
  }
  return messages_.first_failure();
}

void StarterOutput::read_all() {
  std::array<char, 65536> buffer{};
  for (;;) {
    pollfd polled{read_end_.get(), POLLIN, 0};
    const int ready = poll(&polled, 1, kPollMilliseconds);
    if (ready < 0 && errno != EINTR) return;
    if (ready == 0 && starter_has_ended_) return;
    if (ready <= 0) continue;
    const ssize_t count = read(read_end_.get(), buffer.data(), buffer.size());
    if (count == 0 || (count < 0 && errno != EINTR)) return;
    if (count > 0) show(messages_.take({buffer.data(), static_cast<size_t>(count)}));
  }
}

}  // namespace temper
