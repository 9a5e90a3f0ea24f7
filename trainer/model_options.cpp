#include "trainer/model_options.h"

#include <sched.h>

#include "common/error.h"

namespace temper {
namespace {

namespace po = boost::program_options;

std::string text_or_empty(const po::variables_map& values, const char* name) {
  return values.count(name) != 0 ? values[name].as<std::string>() : "";
}

}  // namespace

void add_model_options(po::options_description& options) {
  options.add_options()("path", po::value<std::string>()->value_name("PATH"),
                        "a run directory (its newest complete checkpoint), a checkpoint, or an "
                        "exported model or adapter; may stand alone")(
      "model", po::value<std::string>()->value_name("DIR"),
      "Hugging Face model directory; beside a run or checkpoint: where its base is now")(
      "adapter", po::value<std::string>()->value_name("DIR"),
      "PEFT adapter directory, on --model or its own base")(
      "chat-template", po::value<std::string>()->value_name("NAME"),
      "how messages are written; none: raw text (default: as the run's data was packed)");
}

ModelRequest model_request(const po::variables_map& values) {
  ModelRequest request;
  request.path = text_or_empty(values, "path");
  request.model = text_or_empty(values, "model");
  request.adapter = text_or_empty(values, "adapter");
  request.chat_template = text_or_empty(values, "chat-template");
  return request;
}

int64_t thread_count(const po::variables_map& values) {
  constexpr int64_t kMaxThreads = 4096;
  const int64_t threads = values["threads"].as<int64_t>();
  if (threads < 1 || threads > kMaxThreads) {
    throw UserError("--threads {}: expected 1 to {}", threads, kMaxThreads);
  }
  return threads;
}

int64_t num_available_cpus() {
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) return 1;  // more CPUs than the set can hold
  return CPU_COUNT(&cpus);
}

}  // namespace temper
