#include "trainer/commands/generate_command.h"
#include "comm/mpi/comm_environment.h"

#include <boost/program_options.hpp>

#include <iostream>
#include <iterator>
#include <optional>

#include "comm/agreement.h"
#include "common/error.h"
#include "common/log.h"
#include "eval/generator.h"
#include "eval/model_loader.h"
#include "trainer/commands/command_line.h"
#include "trainer/commands/model_options.h"
#include "trainer/startup/device.h"

namespace temper {
namespace {

namespace po = boost::program_options;

constexpr const char* kUsage =
    "temper generate (RUN[@newest|@step-N] | --model DIR [--adapter DIR]) --prompt TEXT";

constexpr const char* kStdin = "-";

po::options_description make_options() {
  po::options_description options("Options", kHelpWidth, kHelpTextWidth);
  options.add_options()("help,h", "this text");
  add_model_options(options);
  const GenerationOptions defaults;
  options.add_options()("prompt,p", po::value<std::string>()->value_name("TEXT"),
                        "what to answer; - reads it from stdin")(
      "max-new-tokens",
      po::value<int64_t>()->value_name("N")->default_value(defaults.max_new_tokens),
      "longest answer")(
      "temperature",
      po::value<double>()->value_name("X")->default_value(defaults.sampling.temperature, "0"),
      "0 takes the likeliest token every time")(
      "top-p", po::value<double>()->value_name("P")->default_value(defaults.sampling.top_p, "1"),
      "sample among the likeliest tokens that together reach this probability")(
      "top-k", po::value<int64_t>()->value_name("N")->default_value(defaults.sampling.top_k),
      "sample among this many of the likeliest tokens; 0: all")(
      "seed", po::value<uint64_t>()->value_name("N")->default_value(defaults.sampling.seed),
      "the same seed gives the same answer")(
      "threads", po::value<int64_t>()->value_name("N")->default_value(num_available_cpus()),
      "CPU threads");
  add_device_option(options);
  return options;
}

GenerationOptions generation_options(const po::variables_map& values) {
  GenerationOptions options;
  options.max_new_tokens = values["max-new-tokens"].as<int64_t>();
  options.sampling.temperature = values["temperature"].as<double>();
  options.sampling.top_p = values["top-p"].as<double>();
  options.sampling.top_k = values["top-k"].as<int64_t>();
  options.sampling.seed = values["seed"].as<uint64_t>();
  if (options.max_new_tokens < 1) {
    throw UserError("--max-new-tokens {}: expected 1 or more", options.max_new_tokens);
  }
  check_sampling_options(options.sampling);
  return options;
}

std::string read_prompt(const std::string& given) {
  if (given != kStdin) return given;
  std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  // The line end that `echo` adds is not part of the question.
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

void generate(const po::variables_map& values) {
  const GenerationOptions options = generation_options(values);
  ModelRequest request = model_request(values);
  std::string prompt = values.count("prompt") != 0 ? values["prompt"].as<std::string>() : "";
  if (request.path == kStdin && prompt.empty()) {
    request.path.clear();
    prompt = kStdin;
  }
  if (prompt.empty()) throw UserError("generate: what to answer? Give --prompt TEXT or -");

  const std::optional<FoundCheckpoint> found = resolve_checkpoint(request);
  const ModelLoader loader(request);
  if (loader.fine_tuned() != nullptr) loader.fine_tuned()->reader().verify_files();
  if (found) log::info("{}", found->text);
  log::info("chat template: {}", loader.chat_template().description());
  const std::string text = read_prompt(prompt);
  const EncodedPrompt encoded = loader.prompts().has_template()
                                    ? loader.prompts().encode({{"user", text}})
                                    : loader.prompts().encode_text(text);
  const ResidentModel model = loader.load(compute_place(values, 0));
  const Generator generator(model, loader.tokenizer(), loader.stop_conditions());
  generator.generate(encoded.ids, options,
                     [](std::string_view fresh) { std::cout << fresh << std::flush; });
  std::cout << std::endl;
  if (!std::cout) throw SystemError("cannot write the answer to standard output");
}

}  // namespace

int generate_command(const std::vector<std::string>& arguments, CommEnvironment& environment) {
  const po::options_description options = make_options();
  ProcessGroup& group = environment.world();
  run_agreed(group, [&] {
    // A single answer is one rank's work.
    if (group.rank() != 0) return;
    const po::variables_map values = parse_command_line(arguments, options, {"path", "prompt"});
    if (values.count("help") != 0) {
      print_help(kUsage, options);
      return;
    }
    prepare_cpu(thread_count(values));
    generate(values);
  });
  return kExitDone;
}

}  // namespace temper
