#include "trainer/commands/model_options.h"

#include <sched.h>

#include <map>

#include "common/error.h"
#include "trainer/startup/device.h"

namespace temper {

void read_template_options(const CommandLine& line, ModelRequest& request) {
  request.chat_template.name = line.find("chat-template").value_or("");
  if (!line.has("chat-template-kwargs")) return;
  request.chat_template.kwargs =
      ChatTemplate::parse_variables(line.get("chat-template-kwargs"), "--chat-template-kwargs");
}

ModelRequest model_request(const CommandLine& line) {
  ModelRequest request;
  request.path = line.find("MODEL").value_or("");
  request.model = line.find("model").value_or("");
  request.adapter = line.find("adapter").value_or("");
  read_template_options(line, request);
  return request;
}

ComputeDevice compute_device(const CommandLine& line, int node_rank) {
  const std::map<std::string, DeviceChoice> choices = {
      {"auto", DeviceChoice::kAuto}, {"cpu", DeviceChoice::kCpu}, {"cuda", DeviceChoice::kCuda}};
  return {find_device(choices.at(line.get("device")), node_rank).device, at::kFloat};
}

int64_t thread_count(const CommandLine& line) {
  constexpr int64_t kMaxThreads = 4096;
  const int64_t threads = line.find<int64_t>("threads").value_or(num_available_cpus());
  if (threads < 1 || threads > kMaxThreads) {
    line.refuse(fmt::format("--threads {}: expected 1 to {}", threads, kMaxThreads));
  }
  return threads;
}

int64_t num_available_cpus() {
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) return 1;  // more CPUs than the set can hold
  return CPU_COUNT(&cpus);
}

}  // namespace temper
