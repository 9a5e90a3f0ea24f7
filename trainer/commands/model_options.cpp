#include "trainer/commands/model_options.h"

#include <sched.h>

#include <map>

#include "common/error.h"
#include "trainer/startup/device.h"

namespace temper {
namespace {

namespace po = boost::program_options;

std::string text_or_empty(const po::variables_map& values, const char* name) {
  return values.count(name) != 0 ? values[name].as<std::string>() : "";
}

}  // namespace

void add_template_options(po::options_description& options) {
  options.add_options()("chat-template", po::value<std::string>()->value_name("NAME"),
                        "how messages are written; none: raw text (default: as the run's data was "
                        "packed; a model that "
                        "was trained on conversations takes no other)")(
      "chat-template-kwargs", po::value<std::string>()->value_name("JSON"),
      "more variables for the template (default: those the run's data was packed with)");
}

void read_template_options(const po::variables_map& values, ModelRequest& request) {
  request.chat_template.name = text_or_empty(values, "chat-template");
  if (values.count("chat-template-kwargs") == 0) return;
  request.chat_template.kwargs = ChatTemplate::parse_variables(
      values["chat-template-kwargs"].as<std::string>(), "--chat-template-kwargs");
}

void add_model_options(po::options_description& options) {
  options.add_options()("path", po::value<std::string>()->value_name("PATH"),
                        "a run (the checkpoint that its report recommends), RUN@newest, "
                        "RUN@step-N, a checkpoint's directory, or an exported model or adapter; "
                        "may stand alone")(
      "model", po::value<std::string>()->value_name("DIR"),
      "Hugging Face model directory; beside a run or checkpoint: where its base is now")(
      "adapter", po::value<std::string>()->value_name("DIR"),
      "PEFT adapter directory, on --model or its own base");
  add_template_options(options);
}

void add_device_option(po::options_description& options) {
  options.add_options()(
      "device", po::value<std::string>()->value_name("NAME")->default_value("auto"),
      "cpu, cuda, or auto: a GPU where one is allocated; computes in fp32 on either");
}

ComputeDevice compute_place(const po::variables_map& values, int node_rank) {
  const std::string name = values["device"].as<std::string>();
  const std::map<std::string, DeviceChoice> choices = {
      {"auto", DeviceChoice::kAuto}, {"cpu", DeviceChoice::kCpu}, {"cuda", DeviceChoice::kCuda}};
  const auto choice = choices.find(name);
  if (choice == choices.end()) throw UserError("--device {}: expected auto, cpu or cuda", name);
  return {find_device(choice->second, node_rank).device, at::kFloat};
}

ModelRequest model_request(const po::variables_map& values) {
  ModelRequest request;
  request.path = text_or_empty(values, "path");
  request.model = text_or_empty(values, "model");
  request.adapter = text_or_empty(values, "adapter");
  read_template_options(values, request);
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
