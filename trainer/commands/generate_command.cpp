#include <iostream>
#include <iterator>
#include <optional>

#include "comm/agreement.h"
#include "common/error.h"
#include "common/log.h"
#include "eval/generator.h"
#include "eval/model_loader.h"
#include "trainer/commands/commands.h"
#include "trainer/commands/model_options.h"
#include "trainer/startup/process_setup.h"

namespace temper {
namespace {

constexpr const char* kStdin = "-";

GenerationOptions generation_options(const CommandLine& line) {
  GenerationOptions options;
  options.max_new_tokens = line.get<int64_t>("max-new-tokens");
  options.sampling.temperature = line.get<double>("temperature");
  options.sampling.top_p = line.get<double>("top-p");
  options.sampling.top_k = line.get<int64_t>("top-k");
  options.sampling.seed = line.get<uint64_t>("seed");
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

void generate(const CommandLine& line) {
  const GenerationOptions options = generation_options(line);
  ModelRequest request = model_request(line);
  if (line.has("prompt") && line.has("PROMPT")) line.refuse("give either --prompt or PROMPT");
  std::string prompt = line.find(line.has("PROMPT") ? "PROMPT" : "prompt").value_or("");
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
  const ResidentModel model = loader.load(compute_device(line, 0));
  const Generator generator(model, loader.tokenizer(), loader.stop_conditions());
  generator.generate(encoded.ids, options,
                     [](std::string_view fresh) { std::cout << fresh << std::flush; });
  std::cout << std::endl;
  if (!std::cout) throw SystemError("cannot write the answer to standard output");
}

}  // namespace

int generate_command(const CommandLine& line, CommEnvironment& environment) {
  // A single answer is one rank's work.
  return run_on_rank_0(environment.world(), [&] {
    prepare_process(thread_count(line));
    generate(line);
  });
}

}  // namespace temper
