#include "export/model_export.h"

#include <ATen/ATen.h>

#include "common/error.h"
#include "export/export_files.h"
#include "export/export_proof.h"
#include "export/float_dtype.h"
#include "export/merged_weights.h"
#include "export/peft_named_weights.h"
#include "export/probe.h"
#include "export/rounded_weights.h"
#include "io/atomic_file.h"
#include "model/hf_weights.h"
#include "text/tokenizer/files/tokenizer_files.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTemplateFile = "chat_template.jinja";

enum class ExportKind { kFull, kAdapter, kMerged };

std::string kind_name(ExportKind kind) {
  if (kind == ExportKind::kAdapter) return "adapter";
  return kind == ExportKind::kMerged ? "merged" : "full";
}

// Everything that an export's steps share.
struct Export {
  const ExportSource& source;
  const ExportOptions& options;
  ExportKind kind;
  DType dtype;
  std::optional<LoraConfig> written_lora;  // of the model that is written
  std::optional<MergedWeights> merged;
  const WeightSource* written = nullptr;  // the weights to write, in fp32
};

void prepare(Export& task) {
  task.written = task.source.weights;
  if (task.kind == ExportKind::kAdapter) task.written_lora = task.source.lora;
  if (task.kind == ExportKind::kMerged) {
    task.written = &task.merged.emplace(*task.source.weights, *task.source.lora);
  }
}

void write_weights_and_files(const Export& task, const fs::path& directory) {
  const ExportSource& source = task.source;
  if (task.kind == ExportKind::kAdapter) {
    const Json config = source.lora->to_json(fs::absolute(source.base_directory).string());
    write_file_atomically(directory / "adapter_config.json", config.dump(2) + "\n");
    write_weights_file(directory / "adapter_model.safetensors",
                       peft_parameters(source.config, *source.lora),
                       PeftNamedWeights(*task.written, source.config), task.dtype);
    return;
  }
  write_model(directory, base_parameters(source.config), *task.written, task.dtype,
              task.options.max_shard_bytes);
  write_model_files(source.base_directory, source.config, task.dtype, task.options.stop_token_ids,
                    directory);
}

void write_export(const Export& task, const fs::path& directory) {
  write_weights_and_files(task, directory);
  const std::string& chat_template = task.options.template_source;
  if (!chat_template.empty()) write_file_atomically(directory / kTemplateFile, chat_template);
}

// The ordinary way in: what any user of the directory does.
ProbeAnswer answer_export(const Export& task, const fs::path& directory, const Batch& probe) {
  if (task.kind != ExportKind::kAdapter) {
    const ModelConfig config = ModelConfig::from_directory(directory);
    return answer_probe(config, std::nullopt, HfWeights(directory, config), probe);
  }
  const ModelConfig config = ModelConfig::from_directory(task.source.base_directory);
  LoraConfig lora = LoraConfig::from_directory(directory);
  resolve_lora_targets(lora, config);
  const HfWeights base(task.source.base_directory, config);
  const PeftWeights adapter(directory, config, lora);
  return answer_probe(config, lora, ChainedWeights({&adapter, &base}), probe);
}

ProofAnswers answer_before_reload(const Export& task, const Batch& probe) {
  const ExportSource& source = task.source;
  ProofAnswers answers;
  answers.live = answer_probe(source.config, source.lora, *source.weights, probe);
  answers.written = answers.expected = answers.live;
  if (task.dtype == DType::kF32 && task.kind != ExportKind::kMerged) return answers;
  if (task.kind == ExportKind::kMerged) {
    answers.written = answer_probe(source.config, std::nullopt, *task.written, probe);
    answers.expected = answers.written;
  }
  if (task.dtype != DType::kF32) {
    const bool adapter_only = task.kind == ExportKind::kAdapter;
    const RoundedWeights rounded(
        *task.written, to_scalar_type(task.dtype), [&](const std::string& name) {
          return !adapter_only || name.starts_with(kPeftPrefix) || source.lora->saves(name);
        });
    answers.expected = answer_probe(source.config, task.written_lora, rounded, probe);
  }
  return answers;
}

std::vector<int64_t> probe_sentence(const fs::path& base_directory) {
  if (!find_tokenizer_file(base_directory)) return {};
  const Encoding encoding = Tokenizer::from_file(base_directory).encode(kProbeSentence, true);
  return {encoding.ids.begin(), encoding.ids.end()};
}

// The prompt, and the likeliest first tokens of the answer with their logits; `last` [vocab].
Json golden_vector(const GoldenPrompt& prompt, const at::Tensor& last) {
  constexpr int64_t kNumLogits = 10;
  const auto [values, ids] = last.topk(std::min(kNumLogits, last.size(0)));
  Json first_logits = Json::array();
  for (int64_t i = 0; i < values.size(0); ++i) {
    first_logits.push_back(
        {{"token_id", ids[i].item<int64_t>()}, {"logit", values[i].item<double>()}});
  }
  Json messages = Json::array();
  for (const Message& message : prompt.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  return Json{{"messages", messages},
              {"rendered", prompt.rendered},
              {"token_ids", prompt.ids},
              {"first_logits", first_logits}};
}

Json golden_vectors(const Export& task, const fs::path& directory) {
  Json list = Json::array();
  const std::vector<GoldenPrompt>& prompts = task.options.golden;
  if (prompts.empty()) return list;
  std::vector<std::vector<int64_t>> ids;
  for (const GoldenPrompt& prompt : prompts) ids.push_back(prompt.ids);
  const Batch batch = make_prompt_batch(ids);
  const at::Tensor logits = answer_export(task, directory, batch).logits;
  for (size_t i = 0; i < prompts.size(); ++i) {
    list.push_back(golden_vector(prompts[i], logits[batch.cu_seqlens[i + 1] - 1]));
  }
  return list;
}

[[noreturn]] void throw_failed_proof(const ExportProof& proof, const fs::path& output) {
  throw SystemError(
      "{}: the export does not give the model's own answers (logits differ by {:.3g} beyond what "
      "{} rounding explains, merging by {:.3g}, tolerance {:.3g}; largest live logit {:.3g}); "
      "nothing was left there",
      output.string(), proof.unexplained_difference, float_dtype_name(proof.dtype),
      proof.merge_difference, proof.tolerance, proof.max_abs_logit);
}

}  // namespace

Json export_model(const ExportSource& source, const ExportOptions& options) {
  if (options.merge && !source.lora) {
    throw UserError("--merge: the run trained the full model, there is no adapter to merge");
  }
  check_output_directory(options.output, source.base_directory);
  const ExportKind kind = !source.lora    ? ExportKind::kFull
                          : options.merge ? ExportKind::kMerged
                                          : ExportKind::kAdapter;
  const DType default_dtype =
      kind == ExportKind::kAdapter ? DType::kF32 : config_dtype(source.config.json);
  Export task{source, options, kind, options.dtype.value_or(default_dtype), {}, {}};
  prepare(task);

  AtomicDirectory directory(options.output);
  write_export(task, directory.partial_path());

  const Batch probe = make_probe(source.config, probe_sentence(source.base_directory));
  ProofAnswers answers = answer_before_reload(task, probe);
  answers.reloaded = answer_export(task, directory.partial_path(), probe);
  const ExportProof proof = prove_export(answers, task.dtype);
  if (!proof.passed()) throw_failed_proof(proof, options.output);

  Json report = {{"format", "temper-export"},
                 {"version", 1},
                 {"kind", kind_name(kind)},
                 {"dtype", float_dtype_name(task.dtype)},
                 {"source", source.provenance},
                 {"proof", proof.to_json()},
                 {"golden", golden_vectors(task, directory.partial_path())}};
  if (!options.chat_template.empty()) report["chat_template"] = options.chat_template;
  if (!options.chat_template.empty() && !options.chat_template_kwargs.empty()) {
    report["chat_template_kwargs"] = options.chat_template_kwargs;
  }
  write_file_atomically(directory.partial_path() / kExportReportFile, report.dump(2) + "\n");
  directory.commit();
  return report;
}

}  // namespace temper
