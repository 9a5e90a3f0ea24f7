#include "comm/local/local_process_group.h"
#include "comm/mpi/comm_environment.h"

#include <charconv>
#include <filesystem>
#include <iostream>

#include "checkpoint/fine_tuned_model.h"
#include "comm/agreement.h"
#include "common/cli/byte_size.h"
#include "common/error.h"
#include "common/log.h"
#include "eval/forgetting_verdict.h"
#include "eval/lora_scale.h"
#include "eval/model_loader.h"
#include "export/float_dtype.h"
#include "export/model_export.h"
#include "trainer/commands/commands.h"
#include "trainer/commands/model_options.h"
#include "trainer/startup/process_setup.h"

namespace temper {
namespace {

// Built-in conversations, never records.
std::vector<GoldenPrompt> golden_prompts(const ModelLoader& loader) {
  const std::vector<std::vector<Message>> conversations = {
      {{"user", "What is the boiling point of water at sea level?"}},
      {{"user", "Name a primary colour."},
       {"assistant", "Blue."},
       {"user", "Name another one, please."}}};
  std::vector<GoldenPrompt> golden;
  if (!loader.prompts().has_template()) return golden;
  for (const std::vector<Message>& messages : conversations) {
    EncodedPrompt prompt = loader.prompts().encode(messages);
    const auto num_tokens = static_cast<int64_t>(prompt.ids.size());
    if (num_tokens > loader.config().max_position_embeddings) continue;
    golden.push_back({messages, std::move(prompt.text), std::move(prompt.ids)});
  }
  return golden;
}

Json provenance(const FineTunedModel& tuned) {
  const CommitRecord& record = tuned.record();
  return Json{{"checkpoint", tuned.directory().string()},
              {"step", record.step},
              {"run_id", record.run_id},
              {"state_hash", record.state_hash.hex()},
              {"base_model", tuned.base_directory().string()},
              {"base_hash", record.base_hash.hex()},
              {"tokenizer_hash", record.tokenizer_hash.hex()}};
}

void print_report(const Json& report, const std::filesystem::path& output) {
  const Json& proof = report["proof"];
  std::cout << fmt::format(
      "{}: {} in {}, step {}\n"
      "proof: loaded again from disk, logits differ from the live model's by at most {:.3g} "
      "(beyond rounding {:.3g}, tolerance {:.3g}), loss {:.6f} and {:.6f}\n",
      output.string(), report["kind"].get<std::string>(), report["dtype"].get<std::string>(),
      report["source"]["step"].get<int64_t>(), proof["max_abs_logit_difference"].get<double>(),
      proof["unexplained_logit_difference"].get<double>(), proof["tolerance"].get<double>(),
      proof["loss_live"].get<double>(), proof["loss_reloaded"].get<double>());
  if (!report.contains("chat_template_kwargs")) return;
  std::cout << "whoever serves it must give the chat template these variables, as training did: "
            << report["chat_template_kwargs"].get<std::string>() << "\n";
}

double parse_scale(const std::string& text) {
  double scale = -1.0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, scale);
  if (parsed.ec != std::errc() || parsed.ptr != end || !(scale > 0.0 && scale <= 1.0)) {
    throw UserError("--lora-scale {}: expected auto, or a number above 0 and at most 1", text);
  }
  return scale;
}

ForgettingVerdict forgetting_of_share(const ModelLoader& loader, double scale) {
  const auto alone = make_local_process_group();
  return {
      rise_over(measure_lora_scale(loader, 0.0, *alone), measure_lora_scale(loader, scale, *alone)),
      loader.fine_tuned()->run_config().max_forgetting};
}

// Where the run has a budget, what is exported must be within it.
void judge_forgetting(const ModelLoader& loader, const ForgettingVerdict& verdict, bool allowed,
                      ExportSource& source) {
  source.provenance["forgetting"] = verdict.to_json();
  if (!allowed) refuse_over_budget(*loader.fine_tuned(), verdict);
}

// Scales the exported adapter; its provenance says so.
void scale_adapter(const std::string& text, const ModelLoader& loader, bool allowed,
                   ExportSource& source) {
  Json chosen;
  double scale = 1.0;
  if (text == "auto") {
    const auto alone = make_local_process_group();
    const LoraScaleChoice choice = find_lora_scale(loader, *alone);
    scale = choice.scale;
    chosen = choice.to_json();
  } else {
    scale = parse_scale(text);
    check_lora_scale(loader);
    chosen = {{"scale", scale}};
    if (loader.fine_tuned()->run_config().max_forgetting > 0.0) {
      judge_forgetting(loader, forgetting_of_share(loader, scale), allowed, source);
    }
  }
  source.lora->scale_by(scale);
  source.provenance["lora_scale"] = chosen;
}

// To ship what is no better than what was there before is a choice to be made by name.
void refuse_no_improvement(const std::string& run, const Recommendation& found) {
  throw UserError("{}: {}; to export a checkpoint all the same, name it: {}@step-{} or {}@newest",
                  run, found.no_improvement(), run, found.step, run);
}

// The checkpoint that `request.path` means. A share of an adapter that is looked for is compared
// with the base by whoever looks, and the forgetting budget has its own refusal.
FoundCheckpoint find_what_to_export(ModelRequest& request, bool allows_forgetting,
                                    bool looks_for_share) {
  const std::string named = request.path.string();
  const std::optional<FoundCheckpoint> found = resolve_checkpoint(request);
  if (!found) throw UserError("export: {} is neither a run directory nor a checkpoint", named);
  const auto& recommendation = found->recommendation;
  if (recommendation && recommendation->is_no_better_than_start() && !looks_for_share &&
      (allows_forgetting || !recommendation->is_over_budget)) {
    refuse_no_improvement(named, *recommendation);
  }
  return *found;
}

void export_checkpoint(const CommandLine& line) {
  ModelRequest request;
  request.path = line.get("RUN");
  if (line.has("model")) request.model = line.get("model");
  read_template_options(line, request);
  ExportOptions options;
  options.output = line.get("output");
  options.merge = line.has("merge");
  if (line.has("dtype")) {
    options.dtype = float_dtype_named(line.get("dtype"));
  }
  options.max_shard_bytes =
      static_cast<uint64_t>(parse_byte_size(line.get("max-shard-size"), "--max-shard-size"));

  const bool allowed = line.has("allow-forgetting");
  const std::string scale = line.has("lora-scale") ? line.get("lora-scale") : "";
  const FoundCheckpoint found = find_what_to_export(request, allowed, scale == "auto");

  const ModelLoader loader(request);
  const FineTunedModel* tuned = loader.fine_tuned();
  tuned->reader().verify_files();
  options.chat_template = loader.chat_template().name();
  if (!loader.chat_template().kwargs.empty()) {
    options.chat_template_kwargs = loader.chat_template().kwargs.dump();
  }
  // The model's own template comes along with its files, where it has one.
  const bool comes_along =
      options.chat_template == "model" && ChatTemplate::of_model(tuned->base_directory());
  if (!comes_along) options.template_source = loader.prompts().portable_template();
  options.golden = golden_prompts(loader);
  options.stop_token_ids = loader.stop_conditions().token_ids;
  ExportSource source;
  source.base_directory = tuned->base_directory();
  source.config = tuned->config();
  source.lora = tuned->lora();
  source.weights = &tuned->weights();
  source.provenance = provenance(*tuned);

  if (scale.empty() && tuned->run_config().max_forgetting > 0.0) {
    judge_forgetting(loader, forgetting_of(*tuned), allowed, source);
  }
  log::info("{}", found.text);
  log::info("chat template: {}", loader.chat_template().description());
  if (!scale.empty()) scale_adapter(scale, loader, allowed, source);

  const Json report = export_model(source, options);
  if (line.has("json")) {
    std::cout << report.dump(2) << "\n";
  } else {
    print_report(report, options.output);
  }
}

}  // namespace

int export_command(const CommandLine& line, CommEnvironment& environment) {
  // Weights stream from the checkpoint's files: one rank's work.
  return run_on_rank_0(environment.world(), [&] {
    prepare_process(thread_count(line));
    export_checkpoint(line);
  });
}

}  // namespace temper
