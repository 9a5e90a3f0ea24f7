#include "common/log.h"

#include <fcntl.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <mutex>

#include "common/error.h"
#include "common/terminal_text.h"

namespace temper::log {
namespace {

// spdlog's own follows links.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FileSink(std::FILE* file) : file_(file) {}
  ~FileSink() override { std::fclose(file_); }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::fwrite(line.data(), 1, line.size(), file_);
    if (std::ferror(file_) != 0) spdlog::throw_spdlog_ex("cannot write to the log", errno);
  }
  void flush_() override { std::fflush(file_); }

  std::FILE* file_;
};

struct Speaker {
  int rank = 0;
  int world_size = 1;
  std::shared_ptr<spdlog::logger> logger;
  std::shared_ptr<spdlog::logger> file;  // nothing: none

  Speaker() {
    logger = std::make_shared<spdlog::logger>(
        "temper", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_pattern("%^temper:%$ %v");
    logger->flush_on(spdlog::level::info);
  }

  void note(spdlog::level::level_enum level, std::string_view text) const {
    if (file != nullptr) file->log(level, "{}", text);
  }
};

Speaker& speaker() {
  static Speaker instance;
  return instance;
}

}  // namespace

void set_rank(int rank, int world_size) {
  speaker().rank = rank;
  speaker().world_size = world_size;
}

void also_write_to(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  std::FILE* const stream = fd < 0 ? nullptr : fdopen(fd, "a");
  if (stream == nullptr) {
    warning("there is no log in {}: {}", path.string(), errno_text(errno));
    return;
  }
  auto file = std::make_shared<spdlog::logger>("file", std::make_shared<FileSink>(stream));
  file->set_pattern("%Y-%m-%dT%H:%M:%S%z %l %v");
  file->flush_on(spdlog::level::info);
  speaker().file = std::move(file);
}

void info_text(std::string_view text) {
  const std::string shown = terminal_text(text);
  speaker().note(spdlog::level::info, shown);
  if (speaker().rank == 0) speaker().logger->info("{}", shown);
}

void warning_text(std::string_view text) {
  const std::string shown = terminal_text(text);
  speaker().note(spdlog::level::warn, shown);
  if (speaker().rank == 0) speaker().logger->warn("warning: {}", shown);
}

void error_text(std::string_view text) {
  const std::string shown = terminal_text(text);
  const Speaker& self = speaker();
  self.note(spdlog::level::err, shown);
  if (self.world_size > 1 && self.rank != 0) {
    self.logger->error("error on rank {}: {}", self.rank, shown);
  } else {
    self.logger->error("error: {}", shown);
  }
}

}  // namespace temper::log
