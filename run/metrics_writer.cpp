#include "run/metrics_writer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>

#include "common/error.h"
#include "common/log.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "io/system_calls.h"

namespace temper {
namespace {

std::string lost_line(int64_t num_lines) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return Json{{"event", "lost"},
              {"lines", num_lines},
              {"time", std::chrono::duration<double>(now).count()}}
             .dump() +
         "\n";
}

// Mostly in one write, so that a reader never sees half a line of a live run.
void append_fully(int fd, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t count = sys::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      throw SystemError("cannot append to {}: {}", path.native(),
                        errno_text(count == 0 ? ENOSPC : errno));
    }
    text.remove_prefix(static_cast<size_t>(count));
  }
}

int64_t size_of(int fd, const std::filesystem::path& path) {
  struct stat info {};
  if (fstat(fd, &info) != 0) {
    throw SystemError("cannot look at {}: {}", path.native(), errno_text(errno));
  }
  return info.st_size;
}

char last_byte(int fd, int64_t size, const std::filesystem::path& path) {
  char last = '\0';
  read_fully(fd, static_cast<uint64_t>(size - 1), &last, 1, path);
  return last;
}

}  // namespace

MetricsWriter::MetricsWriter(std::filesystem::path path, size_t max_waiting_bytes)
    : path_(std::move(path)), max_waiting_bytes_(max_waiting_bytes) {}

MetricsWriter::~MetricsWriter() {
  write_waiting();
  if (waiting_.empty()) return;
  log::warning("{} lacks the last {} events of this run: {}", path_.native(),
               num_lost_ + std::ssize(waiting_), problem_);
}

void MetricsWriter::append(const std::string& line) {
  waiting_.push_back(line + "\n");
  waiting_bytes_ += waiting_.back().size();
  while (waiting_bytes_ > max_waiting_bytes_ && waiting_.size() > 1) {
    waiting_bytes_ -= waiting_.front().size();
    waiting_.pop_front();
    ++num_lost_;
  }
  write_waiting();
}

void MetricsWriter::write_waiting() {
  if (waiting_.empty()) return;
  const auto num_lines = std::ssize(waiting_);
  try {
    append_to_file();
  } catch (const Error& error) {
    problem_ = error.what();
    if (!is_failing_) {
      log::warning("{}; the run goes on, and its events wait until that works again", problem_);
    }
    is_failing_ = true;
    return;
  }
  if (is_failing_) {
    log::info(
        "{} can be written again: {} events that waited are in it{}", path_.native(), num_lines,
        num_lost_ == 0
            ? ""
            : fmt::format("; {} older ones are lost, for which there was no room", num_lost_));
  }
  is_failing_ = false;
  num_lost_ = 0;
  waiting_.clear();
  waiting_bytes_ = 0;
}

void MetricsWriter::append_to_file() {
  FileDescriptor fd(sys::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
  if (!fd.is_open()) throw SystemError("cannot open {}: {}", path_.native(), errno_text(errno));
  if (end_ < 0) find_end(fd.get());
  std::string text = line_end_ + (num_lost_ > 0 ? lost_line(num_lost_) : "");
  for (const std::string& line : waiting_) text += line;
  if (!end_is_sure_) text = missing_part(fd.get(), text);
  end_is_sure_ = false;
  append_fully(fd.get(), text, path_);
  const int64_t end = size_of(fd.get(), path_);
  // A file system on the network may tell only now that it has no room.
  fd.close(path_);
  line_end_.clear();
  end_ = end;
  end_is_sure_ = true;
}

void MetricsWriter::find_end(int fd) {
  const int64_t size = size_of(fd, path_);
  line_end_ = size == 0 || last_byte(fd, size, path_) == '\n' ? "" : "\n";
  end_ = size;
}

// // Returns what has to be written for `text` to be in the file, of which an earlier try may have
// written a part. It begins a new line where something else is there.
std::string MetricsWriter::missing_part(int fd, const std::string& text) const {
  const int64_t size = size_of(fd, path_);
  if (size >= end_ && size - end_ <= std::ssize(text)) {
    std::string there(static_cast<size_t>(size - end_), '\0');
    read_fully(fd, static_cast<uint64_t>(end_), there.data(), there.size(), path_);
    if (text.starts_with(there)) return text.substr(there.size());
  }
  return size == 0 || last_byte(fd, size, path_) == '\n' ? text : "\n" + text;
}

}  // namespace temper
