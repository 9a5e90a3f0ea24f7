#include "common/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "common/log_file.h"
#include "common/terminal_text.h"

namespace temper::log {
namespace {

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
  try {
    auto file = std::make_shared<spdlog::logger>(
        "file", std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string()));
    file->set_pattern("%Y-%m-%dT%H:%M:%S%z %l %v");
    file->flush_on(spdlog::level::info);
    speaker().file = std::move(file);
  } catch (const spdlog::spdlog_ex& error) {
    warning_text(error.what());
  }
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
