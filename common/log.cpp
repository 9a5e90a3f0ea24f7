#include "common/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace temper::log {
namespace {

struct Speaker {
  int rank = 0;
  int world_size = 1;
  std::shared_ptr<spdlog::logger> logger;

  Speaker() {
    logger = std::make_shared<spdlog::logger>(
        "temper", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_pattern("%^temper:%$ %v");
    logger->flush_on(spdlog::level::info);
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

void info_text(std::string_view text) {
  if (speaker().rank == 0) speaker().logger->info("{}", text);
}

void warning_text(std::string_view text) {
  if (speaker().rank == 0) speaker().logger->warn("warning: {}", text);
}

void error_text(std::string_view text) {
  const Speaker& self = speaker();
  if (self.world_size > 1 && self.rank != 0) {
    self.logger->error("error on rank {}: {}", self.rank, text);
  } else {
    self.logger->error("error: {}", text);
  }
}

}  // namespace temper::log
