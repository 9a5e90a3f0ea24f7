// `temper train` against the textbook: the same few steps by autograd over plain operators, a
// token-mean loss, clipping and AdamW, all in double.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <optional>
#include <sstream>

#include "arch/parameters.h"
#include "checkpoint/checkpoint_reader.h"
#include "data/dataset/packed_dataset.h"
#include "model/hf_weights.h"
#include "temper_fixture.h"
#include "tests/unit/model/reference_decoder.h"

namespace temper {
namespace {

constexpr int64_t kNumSteps = 4, kMicroBatch = 2, kMicroBatches = 5, kWarmup = 2;
constexpr double kLearningRate = 0.02, kDecay = 0.1;
constexpr double kMaxNorm = 0.25;      // every step is clipped
constexpr double kLargeNorm = 1000.0;  // none is
constexpr double kBeta1 = 0.85, kBeta2 = 0.95, kEpsilon = 1e-3;
constexpr uint64_t kSeed = 5;

using Tensors = std::map<std::string, at::Tensor>;

struct StepFigures {
  double loss = 0.0, norm = 0.0;
  int64_t targets = 0;
};

class TextbookTrainer {
 public:
  TextbookTrainer(const ModelConfig& config, const std::optional<LoraConfig>& lora, Tensors start,
                  double max_norm)
      : config_(config), lora_(lora), weights_(std::move(start)), max_norm_(max_norm) {}

  const Tensors& weights() const { return weights_; }

  StepFigures step(const std::vector<PackedRow>& rows) {
    ++t_;
    for (auto& [name, weight] : weights_) {
      weight = weight.detach().clone().requires_grad_(trains(name));
    }
    StepFigures figures;
    at::Tensor sum = at::zeros({}, at::kDouble);
    for (const PackedRow& row : rows) {
      const Batch batch = batch_of(row);
      if (batch.num_targets == 0) continue;
      figures.targets += batch.num_targets;
      sum = sum + ReferenceDecoder(config_, lora_, weights_).loss_sum(batch);
    }
    const at::Tensor loss = sum / static_cast<double>(figures.targets);
    loss.backward();
    figures.loss = loss.item<double>();
    update(figures);
    return figures;
  }

 private:
  bool trains(const std::string& name) const {
    return !lora_ || name.find(".lora_") != std::string::npos;
  }

  static Batch batch_of(const PackedRow& row) {
    std::vector<int64_t> tokens(row.tokens.begin(), row.tokens.end());
    std::vector<int64_t> targets(tokens.size(), -100), positions(tokens.size());
    for (size_t d = 0; d + 1 < row.document_begin.size(); ++d) {
      const auto begin = static_cast<size_t>(row.document_begin[d]);
      const auto end = static_cast<size_t>(row.document_begin[d + 1]);
      for (size_t i = begin; i < end; ++i) {
        positions[i] = static_cast<int64_t>(i - begin);
        if (i + 1 < end && row.supervised[i + 1]) targets[i] = tokens[i + 1];
      }
    }
    Batch batch;
    batch.tokens = at::tensor(tokens, at::kLong);
    batch.targets = at::tensor(targets, at::kLong);
    batch.positions = at::tensor(positions, at::kLong);
    batch.cu_seqlens.assign(row.document_begin.begin(), row.document_begin.end());
    batch.num_targets = batch.targets.ge(0).sum().item<int64_t>();
    return batch;
  }

  void update(StepFigures& figures) {
    double squares = 0.0;
    for (const auto& [name, weight] : weights_) {
      if (weight.grad().defined()) squares += weight.grad().square().sum().item<double>();
    }
    figures.norm = std::sqrt(squares);
    const double clip = std::min(1.0, max_norm_ / (figures.norm + 1e-6));
    const double rate = kLearningRate * std::min(1.0, static_cast<double>(t_) / kWarmup);
    for (auto& [name, weight] : weights_) {
      if (!weight.grad().defined()) continue;
      const at::Tensor g = weight.grad() * clip;
      at::Tensor& m = m_.try_emplace(name, at::zeros_like(g)).first->second;
      at::Tensor& v = v_.try_emplace(name, at::zeros_like(g)).first->second;
      m = kBeta1 * m + (1.0 - kBeta1) * g;
      v = kBeta2 * v + (1.0 - kBeta2) * g * g;
      const at::Tensor m_hat = m / (1.0 - std::pow(kBeta1, t_));
      const at::Tensor v_hat = v / (1.0 - std::pow(kBeta2, t_));
      const double decay = weight.dim() >= 2 ? kDecay : 0.0;
      weight = weight.detach() * (1.0 - rate * decay) - rate * m_hat / (v_hat.sqrt() + kEpsilon);
    }
  }

  ModelConfig config_;
  std::optional<LoraConfig> lora_;
  Tensors weights_, m_, v_;
  double max_norm_;
  int t_ = 0;
};

class TrainingReferenceTest : public TemperFixture {
 protected:
  TrainingReferenceTest() {
    at::set_num_threads(1);
    write_model_config();
    Json config = read_json_file(folder() / "base/config.json");
    config["initializer_range"] = 0.15;  // so that gradients are far from rounding
    write("base/config.json", config.dump());
    temper_output({"new-model", "--config", "base/config.json", "--tokenizer",
                   "base/tokenizer.json", "-o", "model", "--seed", "3"});
    write_uneven_dataset();
  }

  // Answers of very different lengths: rows have from a few to nearly all tokens as targets.
  void write_uneven_dataset() {
    std::ostringstream lines;
    for (int i = 0; i < 70; ++i) {
      lines << Json{{"prompt", std::string(static_cast<size_t>(3 + i * 7 % 29), 'a' + i % 26)},
                    {"completion", std::string(static_cast<size_t>(1 + i * i % 31), 'A' + i % 26)}}
                   .dump()
            << "\n";
    }
    write("uneven.jsonl", lines.str());
    temper_output({"pack", "uneven.jsonl", "-o", "train.h5", "--tokenizer", "model",
                   "--sequence-len", "72", "--chat-template", "plain"});
  }

  void train(const std::string& output, int num_ranks, const std::string& more) {
    write("run.yaml",
          fmt::format("base_model: model\ndatasets: [{{path: train.h5}}]\nshuffle: false\n"
                      "seed: {}\nmicro_batch_size: {}\nglobal_batch_size: {}\nmax_steps: {}\n"
                      "learning_rate: {}\nlr_scheduler: constant\nwarmup_steps: {}\n"
                      "weight_decay: {}\nmax_grad_norm: {}\nadam_beta1: {}\nadam_beta2: {}\n"
                      "adam_epsilon: {}\nlogging_steps: 1\n{}",
                      kSeed, kMicroBatch, kMicroBatch * kMicroBatches, kNumSteps, kLearningRate,
                      kWarmup, kDecay, max_norm_, kBeta1, kBeta2, kEpsilon, more));
    const ProgramRun run = temper({"train", "run.yaml", "--nproc", std::to_string(num_ranks),
                                   "--set", "output_dir=" + output});
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }

  std::vector<Json> logged_steps(const std::string& output) const {
    std::vector<Json> steps;
    std::istringstream lines(read(output + "/metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      const Json event = parse_json(line, "metrics");
      if (event["event"] == "step") steps.push_back(event);
    }
    return steps;
  }

  static at::Tensor read_tensor(const WeightSource& source, const ParameterInfo& parameter) {
    at::Tensor values = at::empty(parameter.shape, at::kFloat);
    source.read(parameter.name, parameter.shape, 0, values.numel(), values.data_ptr<float>());
    return values.to(at::kDouble);
  }

  void expect_textbook(const std::string& output, const std::optional<LoraConfig>& lora) {
    const ModelConfig config = ModelConfig::from_directory(folder() / "model");
    const HfWeights base(folder() / "model", config);
    const InitialLoraWeights adapter(kSeed);
    Tensors start;
    for (const auto& p : base_parameters(config)) start[p.name] = read_tensor(base, p);
    std::vector<ParameterInfo> trained = base_parameters(config);
    if (lora) {
      trained = lora_parameters(config, *lora);
      for (const auto& p : trained) start[p.name] = read_tensor(adapter, p);
    }
    TextbookTrainer textbook(config, lora, start, max_norm_);

    const PackedDataset dataset(folder() / "train.h5");
    const int64_t rows_per_step = kMicroBatch * kMicroBatches;
    ASSERT_GE(dataset.info().num_rows, 2 * rows_per_step) << "two different steps at least";
    const std::vector<Json> logged = logged_steps(output);
    ASSERT_EQ(logged.size(), static_cast<size_t>(kNumSteps));
    for (int64_t step = 0; step < kNumSteps; ++step) {
      std::vector<PackedRow> rows;
      for (int64_t i = 0; i < rows_per_step; ++i) {
        rows.push_back(dataset.row((step * rows_per_step + i) % dataset.info().num_rows));
      }
      const StepFigures expected = textbook.step(rows);
      const Json& actual = logged[static_cast<size_t>(step)];
      EXPECT_NEAR(actual["loss"].get<double>(), expected.loss, 2e-6 * expected.loss);
      EXPECT_NEAR(actual["grad_norm"].get<double>(), expected.norm, 1e-5 * expected.norm);
      EXPECT_GT(expected.norm, 2 * kMaxNorm) << "clipping must act";
      EXPECT_LT(expected.norm, kLargeNorm / 2) << "and must not";
    }
    expect_weights(output, textbook, start, trained);
  }

  void expect_weights(const std::string& output, const TextbookTrainer& textbook,
                      const Tensors& start, const std::vector<ParameterInfo>& trained) {
    CheckpointReader reader(folder() / output / fmt::format("step-{}", kNumSteps));
    reader.open_all();
    const CheckpointWeights weights(reader);
    for (const ParameterInfo& parameter : trained) {
      const at::Tensor expected = textbook.weights().at(parameter.name);
      const at::Tensor actual = read_tensor(weights, parameter);
      const double moved = (expected - start.at(parameter.name)).abs().max().item<double>();
      const double error = (actual - expected).abs().max().item<double>();
      EXPECT_GT(moved, 1e-3) << parameter.name;
      EXPECT_LT(error, 5e-5 * moved + 1e-7) << parameter.name;
    }
  }

  double max_norm_ = kMaxNorm;
};

TEST_F(TrainingReferenceTest, full_fine_tune_is_the_textbook_s) {
  train("out", 4, "");  // five micro-batches: three ranks are idle in the second round
  expect_textbook("out", std::nullopt);
}

TEST_F(TrainingReferenceTest, small_gradients_are_not_scaled_up) {
  max_norm_ = kLargeNorm;
  train("out", 2, "");
  expect_textbook("out", std::nullopt);
}

TEST_F(TrainingReferenceTest, adapter_is_the_textbook_s) {
  train("out", 3,
        "adapter: lora\nlora_r: 3\nlora_alpha: 7\nlora_dropout: 0\n"
        "lora_target_modules: all-linear\n");
  LoraConfig lora;
  lora.r = 3;
  lora.alpha = 7;
  lora.target_modules = {"all-linear"};
  resolve_lora_targets(lora, ModelConfig::from_directory(folder() / "model"));
  expect_textbook("out", lora);
}

}  // namespace
}  // namespace temper
