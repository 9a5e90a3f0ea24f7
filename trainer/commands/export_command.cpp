#include "trainer/commands/export_command.h"
#include "comm/local/local_process_group.h"
#include "comm/mpi/comm_environment.h"

#include <boost/program_options.hpp>

#include <charconv>
#include <filesystem>
#include <iostream>

#include "checkpoint/fine_tuned_model.h"
#include "comm/agreement.h"
#include "common/error.h"
#include "common/log.h"
#include "eval/forgetting_verdict.h"
#include "eval/lora_scale.h"
#include "eval/model_loader.h"
#include "export/float_dtype.h"
#include "export/model_export.h"
#include "trainer/commands/command_line.h"
#include "trainer/commands/model_options.h"
#include "trainer/startup/device.h"

namespace temper {
namespace {

namespace po = boost::program_options;

constexpr const char* kUsage = "temper export RUN[@newest|@step-N] -o DIR [options]";

po::options_description make_options() {
  po::options_description options("Options", kHelpWidth, kHelpTextWidth);
  options.add_options()("help,h", "this text")(
      "path", po::value<std::string>()->value_name("PATH"),
      "a run (the checkpoint that its report recommends), RUN@newest, RUN@step-N, or a "
      "checkpoint's directory; may stand alone")(
      "output,o", po::value<std::string>()->value_name("DIR"), "directory to make")(
      "merge", "add a LoRA adapter into its base and write a full model")(
      "dtype", po::value<std::string>()->value_name("NAME"),
      "float32, bfloat16 or float16 (default: the base's; float32 for an adapter)")(
      "max-shard-size", po::value<std::string>()->value_name("SIZE")->default_value("5GB"),
      "largest file of weights: bytes, or with KB, MB or GB")(
      "lora-scale", po::value<std::string>()->value_name("SCALE"),
      "ship a share of the adapter, 0 to 1; auto: the best within the run's max_forgetting")(
      "allow-forgetting", "export what is over the run's max_forgetting, or was not measured")(
      "model", po::value<std::string>()->value_name("DIR"),
      "where the run's base is now, if it has moved");
  add_template_options(options);
  options.add_options()(
      "threads", po::value<int64_t>()->value_name("N")->default_value(num_available_cpus()),
      "CPU threads; an export computes on the CPU, in fp32")("json", "print the export report");
  return options;
}

// "5000000000", "5GB": powers of a thousand, as huggingface_hub counts.
uint64_t parse_size(const std::string& text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  const std::string unit(parsed.ptr, end);
  const uint64_t factor = unit.empty() || unit == "B" ? 1
                          : unit == "KB"              ? 1'000
                          : unit == "MB"              ? 1'000'000
                          : unit == "GB"              ? 1'000'000'000
                                                      : 0;
  if (parsed.ec != std::errc() || factor == 0 || number == 0 || number > UINT64_MAX / factor) {
    throw UserError("--max-shard-size {}: expected bytes, or a number with KB, MB or GB", text);
  }
  return number * factor;
}

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

void export_checkpoint(const po::variables_map& values) {
  if (values.count("path") == 0) throw UserError("export: which run directory or checkpoint?");
  if (values.count("output") == 0) throw UserError("export: where to? Give -o DIR");
  ModelRequest request;
  request.path = values["path"].as<std::string>();
  if (values.count("model") != 0) request.model = values["model"].as<std::string>();
  read_template_options(values, request);
  ExportOptions options;
  options.output = values["output"].as<std::string>();
  options.merge = values.count("merge") != 0;
  if (values.count("dtype") != 0) {
    options.dtype = float_dtype_named(values["dtype"].as<std::string>());
  }
  options.max_shard_bytes = parse_size(values["max-shard-size"].as<std::string>());

  const bool allowed = values.count("allow-forgetting") != 0;
  const std::string scale =
      values.count("lora-scale") != 0 ? values["lora-scale"].as<std::string>() : "";
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
  if (values.count("json") != 0) {
    std::cout << report.dump(2) << "\n";
  } else {
    print_report(report, options.output);
  }
}

}  // namespace

int export_command(const std::vector<std::string>& arguments, CommEnvironment& environment) {
  const po::options_description options = make_options();
  ProcessGroup& group = environment.world();
  run_agreed(group, [&] {
    // Weights stream from the checkpoint's files: one rank's work.
    if (group.rank() != 0) return;
    const po::variables_map values = parse_command_line(arguments, options, {"path"});
    if (values.count("help") != 0) {
      print_help(kUsage, options);
      return;
    }
    prepare_cpu(thread_count(values));
    export_checkpoint(values);
  });
  return kExitDone;
}

}  // namespace temper
