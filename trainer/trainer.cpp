#include "trainer/trainer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>
#include <vector>

#include "comm/round_robin.h"
#include "comm/watch/heartbeat.h"
#include "common/elapsed.h"
#include "common/error.h"
#include "common/fault_points.h"
#include "common/log.h"
#include "config/resolved_config.h"
#include "config/step_count.h"
#include "model/decoder.h"
#include "trainer/replica_check.h"
#include "trainer/startup/load_weights.h"

namespace temper {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

int Trainer::run() {
  try {
    return train();
  } catch (const AgreedError&) {
    checkpointer_.wait_ignoring_failure();  // what was saved before the error stays of use
    throw;
  }
}

int Trainer::train() {
  heartbeat::set_phase(RankPhase::kStep);
  if (position_.step == 0) validator_.evaluate(*model_, 0);
  while (position_.step < setup_.max_steps && !validator_.should_stop()) {
    const std::optional<StepReport> report = train_step();
    if (!report) continue;
    reporter_.step(*report);
    const int64_t step = position_.step;
    const auto is_due = [step](int64_t every) { return every > 0 && step % every == 0; };
    if (is_due(config_.check_replicas_every)) {
      check_replicas(*model_, step, recovery_.control_hash(position_));
    }
    const bool eval_due = is_due(config_.eval_steps);
    if (eval_due) validator_.evaluate(*model_, step);
    if (step == setup_.max_steps) break;
    const StepDecision decision = checkpointer_.agree(step, eval_due);
    if (decision.stop) return stop();
    if (is_due(config_.save_steps) || decision.save) checkpointer_.begin(save_request());
  }
  finish();
  return kExitDone;
}

std::optional<StepReport> Trainer::train_step() {
  const auto start = Clock::now();
  const int64_t step = position_.step + 1;
  heartbeat::set_step(step);
  position_.rows_consumed = recovery_.guard().next_row(position_.rows_consumed);
  StepReport report;
  report.step = step;
  report.num_targets = setup_.data->num_targets(position_.rows_consumed, config_.global_batch_size);
  data_wait_seconds_ = seconds_since(start);
  // Without a target there is no loss and nothing to learn: momentum and decay alone would still
  // move the weights.
  if (report.num_targets > 0) {
    // The loss is a sum over the whole step's targets; the gradient is scaled once, here.
    const double scale = 1.0 / static_cast<double>(report.num_targets);
    const std::vector<double> losses = accumulate_gradients(step);
    report.loss = std::accumulate(losses.begin(), losses.end(), 0.0) * scale;
    report.grad_norm = model_->grad_norm(scale);
    const StepVerdict verdict = recovery_.judge(report, losses, position_);
    if (verdict.action == StepVerdict::Action::kApply) {
      update_weights(step, scale, report.grad_norm);
    } else {
      model_->zero_gradients();
    }
    if (verdict.action == StepVerdict::Action::kRollback) {
      recovery_.roll_back(verdict.rows, position_);
      return std::nullopt;
    }
  }
  position_.step = step;
  position_.rows_consumed += config_.global_batch_size;
  report.max_steps = setup_.max_steps;
  report.epoch = static_cast<double>(position_.rows_consumed) /
                 static_cast<double>(setup_.data->rows_per_epoch());
  report.learning_rate = schedule_.at(step);
  report.num_tokens = config_.global_batch_size * setup_.data->sequence_len();
  report.rows_consumed = position_.rows_consumed;
  report.data_wait_seconds = longest_data_wait();
  report.seconds = seconds_since(start);
  return report;
}

std::vector<double> Trainer::accumulate_gradients(int64_t step) {
  const int64_t num_micro_batches = config_.micro_batches_per_step();
  std::vector<double> losses;
  for (int64_t first = 0; first < num_micro_batches; first += group_.size()) {
    const int64_t m = first + group_.rank();
    const int contributors =
        static_cast<int>(std::min<int64_t>(group_.size(), num_micro_batches - first));
    if (m < num_micro_batches) {
      const auto asked = Clock::now();
      const Batch batch = setup_.data->micro_batch(position_.rows_consumed, step, m);
      data_wait_seconds_ += seconds_since(asked);
      fault_point("forward");
      losses.push_back(fault_value("loss", position_.rows_consumed + m * config_.micro_batch_size,
                                   model_->forward_backward(&batch, contributors)));
      ++micro_batches_computed_;
    } else {
      losses.push_back(model_->forward_backward(nullptr, contributors));
    }
  }
  model_->finish_gradients();
  return gather_round_robin(group_, losses, num_micro_batches);
}

void Trainer::update_weights(int64_t step, double scale, double norm) {
  const double clip =
      config_.max_grad_norm > 0.0 ? std::min(1.0, config_.max_grad_norm / (norm + 1e-6)) : 1.0;
  AdamWOptions adamw;
  adamw.learning_rate = schedule_.at(step);
  adamw.beta1 = config_.adam_beta1;
  adamw.beta2 = config_.adam_beta2;
  adamw.epsilon = config_.adam_epsilon;
  adamw.weight_decay = config_.weight_decay;
  adamw.gradient_scale = scale * clip;
  adamw.step = step;
  model_->adamw_step(adamw);
}

double Trainer::longest_data_wait() {
  at::Tensor longest = at::tensor({data_wait_seconds_}, at::kDouble);
  group_.all_reduce_max(longest);
  return longest.item<double>();
}

Trainer::Trainer(const RunConfig& config, const RankDevice& device, ProcessGroup& group,
                 const ResumeChoice& resume, std::string attempt)
    : group_(group),
      device_(device),
      setup_(prepare_run(config, device.gpu_bytes, group)),
      config_(setup_.config),
      directory_(config_.output_dir, std::move(attempt)),
      taken_(take_directory(setup_, directory_, resume, group_)),
      schedule_(config_, setup_.max_steps),
      reporter_(setup_, device_, group_, directory_, taken_.status),
      model_(load_model()),
      checkpointer_(*model_, config_, directory_,
                    [this](const SaveOutcome& outcome) { reporter_.saved(outcome); }),
      validator_(setup_, group_, directory_, reporter_),
      recovery_(
          {setup_, device_, directory_, group_, *model_, checkpointer_, validator_, reporter_}) {
  RestoredCheckpoint restored;
  if (!taken_.checkpoints.empty()) {
    restored = restore_first_intact(taken_.checkpoints, *model_);
    recovery_.follow(restored, position_);
    validator_.restore_history(position_.step);
  }
  clear_directory(directory_, resume, restored, group_);
  if (saves_before_end(config_, position_.step, setup_.max_steps)) checkpointer_.expect_saves();
  reporter_.begin(*model_, position_.step, checkpointer_.last_saved_step(), load_seconds_);
}

Trainer::~Trainer() = default;

std::unique_ptr<ShardedModel> Trainer::load_model() {
  const Training training = setup_.lora ? Training::kLora : Training::kFull;
  auto model = std::make_unique<ShardedModel>(
      make_decoder(setup_.model, setup_.lora ? &*setup_.lora : nullptr, training), group_,
      sharding_options(config_),
      ComputeDevice{device_.device, config_.bf16 ? at::kBFloat16 : at::kFloat});
  const auto start = Clock::now();
  load_weights(setup_, *model, group_);
  load_seconds_ = seconds_since(start);
  // Nothing is read from the files again, and their mapped pages count as this process's.
  setup_.base.reset();
  setup_.earlier_adapter.reset();
  fault_point("load");
  return model;
}

SaveRequest Trainer::save_request() const {
  CommitRecord record;
  record.step = position_.step;
  record.rows_consumed = position_.rows_consumed;
  record.base_hash = setup_.identity.base_hash;
  record.tokenizer_hash = setup_.tokenizer_hash;
  record.dataset_hash = setup_.identity.dataset_hash;
  record.run_id = setup_.identity.run_id;
  record.adapter = config_.adapter;
  record.chat_template = setup_.chat_template;
  record.initial_adapter_hash = setup_.identity.initial_adapter_hash;
  if (setup_.lora) {
    record.adapter_config = setup_.lora->to_json(config_.base_model.string()).dump();
  }
  record.config_yaml = resolved_yaml(config_);
  record.cpu_kernels = device_.level;
  record.eval_best_step = validator_.best_step();
  recovery_.guard().write_to(record);
  return {record, config_.save_total_limit, validator_.steps_best_first(), 0.0};
}

int Trainer::stop() {
  reporter_.end_bar();
  checkpointer_.complete(save_request());
  heartbeat::set_phase(RankPhase::kExit);
  reporter_.end(RunState::kStopped);
  reporter_.report_ranks(*model_, micro_batches_computed_, checkpointer_.buffer_bytes());
  return kExitStopped;
}

void Trainer::finish() {
  validator_.evaluate(*model_, position_.step);
  checkpointer_.complete(save_request());
  validator_.report(position_.step);
  heartbeat::set_phase(RankPhase::kExit);
  reporter_.report_ranks(*model_, micro_batches_computed_, checkpointer_.buffer_bytes());
  reporter_.end(RunState::kFinished);
  reporter_.end_bar();
  log::info("finished after step {}; checkpoint in {}", position_.step,
            directory_.checkpoint_path(position_.step).string());
}

}  // namespace temper
