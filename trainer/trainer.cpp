#include "trainer/trainer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>
#include <vector>

#include "comm/agreement.h"
#include "comm/nccl/gpu_devices.h"
#include "comm/round_robin.h"
#include "comm/watch/heartbeat.h"
#include "common/elapsed.h"
#include "common/error.h"
#include "common/fault_points.h"
#include "common/log.h"
#include "config/batch_note.h"
#include "config/resolved_config.h"
#include "config/step_count.h"
#include "io/atomic_file.h"
#include "model/decoder.h"
#include "run/checkpoint_room.h"
#include "trainer/replica_check.h"
#include "trainer/startup/agreed_setup.h"
#include "trainer/startup/load_weights.h"

namespace temper {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kStepsBeforeMemoryReport = 3;

// The ranks of a job that was killed need seconds to end.
constexpr std::chrono::seconds kLockPatience(10);

}  // namespace

Trainer::Trainer(const RunConfig& config, const RankDevice& device, ProcessGroup& group,
                 const ResumeChoice& resume, std::string attempt)
    : group_(group),
      device_(device),
      setup_(prepare_run_together(config, device.gpu_bytes, group)),
      config_(setup_.config),
      directory_(config_.output_dir),
      validator_(setup_, group_, directory_),
      schedule_(config_, setup_.max_steps),
      attempt_(std::move(attempt)),
      status_writer_(directory_, attempt_),
      guard_(config_) {
  const std::vector<std::string> checkpoints = take_directory(resume);
  load_model();
  RestoredCheckpoint restored;
  if (!checkpoints.empty()) {
    restored = restore_first_intact(checkpoints, *model_);
    restore(restored);
    validator_.restore_history(step_);
  }
  clear_directory(restored, resume);
  announce();
}

Trainer::~Trainer() = default;

int Trainer::run() {
  try {
    return train();
  } catch (const AgreedError&) {
    checkpointer_->wait_ignoring_failure();  // what was saved before the error stays of use
    throw;
  }
}

int Trainer::train() {
  heartbeat::set_phase(RankPhase::kStep);
  if (step_ == 0) evaluate();
  while (step_ < setup_.max_steps && !validator_.should_stop()) {
    const std::optional<StepReport> report = train_step();
    if (!report) continue;
    log_step(*report);
    const int64_t check_every = config_.check_replicas_every;
    if (check_every > 0 && step_ % check_every == 0) check_replicas(*model_, step_, control_hash());
    const bool eval_due = config_.eval_steps > 0 && step_ % config_.eval_steps == 0;
    if (eval_due) evaluate();
    if (step_ == setup_.max_steps) break;
    const StepDecision decision = checkpointer_->agree(step_, eval_due);
    if (decision.stop) return stop();
    const bool save_due = config_.save_steps > 0 && step_ % config_.save_steps == 0;
    if (save_due || decision.save) checkpointer_->begin(save_request());
  }
  finish();
  return kExitDone;
}

std::vector<std::string> Trainer::take_directory(const ResumeChoice& resume) {
  Json checkpoints = Json::array();
  run_agreed(group_, [&] {
    if (!is_leader()) return;
    const int64_t rows_per_epoch = setup_.data->rows_per_epoch();
    check_start(directory_, setup_.identity, rows_per_epoch, resume);
    make_directories(directory_.root());
    make_directories(directory_.logs_path());
    lock_.emplace(directory_.lock_path(), kLockPatience);
    // Again, now that nobody else can change it.
    check_start(directory_, setup_.identity, rows_per_epoch, resume);
    checkpoints = choose_checkpoints(directory_, resume);
    check_room(resume);
    if (setup_.identity.run_id.empty()) setup_.identity.run_id = attempt_;
    // First of all: the directory is a run's from here on.
    write_file_atomically(directory_.identity_path(), setup_.identity.to_json());
    directory_.take_ownership(attempt_);
    write_file_atomically(directory_.config_path(), resolved_yaml(config_));
    status_.attempt = attempt_;
    status_.max_steps = setup_.max_steps;
    if (const auto latest = directory_.latest_complete()) {
      status_.step = status_.last_checkpoint_step = latest->step;
    }
    write_run_status(directory_.status_path(), status_);
  });
  log::also_write_to(directory_.logs_path() / fmt::format("rank-{}.log", group_.rank()));
  setup_.identity.run_id = group_.all_gather_text(setup_.identity.run_id).front();
  return parse_json(group_.all_gather_text(checkpoints.dump()).front(), "chosen checkpoints");
}

// Before the directory becomes the run's: a refusal must leave it free for another choice.
void Trainer::check_room(const ResumeChoice& resume) const {
  const auto latest = directory_.latest_complete();
  const bool is_done = latest && latest->step >= setup_.max_steps;
  if (is_done && resume.kind == ResumeChoice::Kind::kAuto) return;  // nothing will be saved
  require_checkpoint_room(directory_, config_, setup_.max_steps, setup_.memory.checkpoint_bytes);
}

void Trainer::load_model() {
  const Training training = setup_.lora ? Training::kLora : Training::kFull;
  model_ = std::make_unique<ShardedModel>(
      make_decoder(setup_.model, setup_.lora ? &*setup_.lora : nullptr, training), group_,
      sharding_options(config_),
      ComputeDevice{device_.device, config_.bf16 ? at::kBFloat16 : at::kFloat});
  const auto start = Clock::now();
  load_weights(setup_, *model_, group_);
  load_seconds_ = seconds_since(start);
  // Nothing is read from the files again, and their mapped pages count as this process's.
  setup_.base.reset();
  setup_.earlier_adapter.reset();
  fault_point("load");
  checkpointer_ =
      std::make_unique<Checkpointer>(*model_, config_, directory_, attempt_,
                                     [this](const SaveOutcome& outcome) { note_save(outcome); });
}

void Trainer::clear_directory(const RestoredCheckpoint& restored, const ResumeChoice& resume) {
  run_agreed(group_, [&] {
    if (!is_leader()) return;
    directory_.sweep(attempt_);
    const bool rewinds = resume.kind == ResumeChoice::Kind::kPath;
    if (!rewinds && restored.damaged.empty()) return;
    // What comes after it is damaged, or another line of this run's history: the next start must
    // not go on from there.
    set_aside_later(directory_, attempt_, restored.path, step_);
    if (checkpointer_->last_saved_step() == step_) directory_.point_latest_to(step_);
  });
}

void Trainer::announce() {
  status_.last_checkpoint_step = checkpointer_->last_saved_step();
  if (saves_before_end(config_, step_, setup_.max_steps)) checkpointer_->expect_saves();
  if (is_leader()) {
    progress_ =
        std::make_unique<Progress>(directory_.metrics_path(), config_.logging_steps, step_ + 1);
    progress_->event(step_ > 0 ? "resume" : "start",
                     {{"step", step_},
                      {"attempt", attempt_},
                      {"ranks", group_.size()},
                      {"max_steps", setup_.max_steps},
                      {"rows_per_epoch", setup_.data->rows_per_epoch()},
                      {"hash_seconds", setup_.hash_seconds},
                      {"load_seconds", load_seconds_},
                      {"parameters", model_->num_parameters()},
                      {"trainable_parameters", model_->num_trainable_parameters()}});
  }
  log::info("{} of {} parameters train, {} rank{}, {} micro-batch{} of {} x {} tokens a step; {}",
            model_->num_trainable_parameters(), model_->num_parameters(), group_.size(),
            group_.size() == 1 ? "" : "s", config_.micro_batches_per_step(),
            config_.micro_batches_per_step() == 1 ? "" : "es", config_.micro_batch_size,
            setup_.data->sequence_len(),
            step_ > 0 ? fmt::format("continuing after step {} of {}", step_, setup_.max_steps)
                      : fmt::format("{} steps", setup_.max_steps));
  const std::string few = few_steps_warning(config_, setup_.data->rows_per_epoch(), group_.size());
  if (!few.empty()) log::warning("{}", few);
  const std::string batch = batch_note(config_, group_.size());
  if (!batch.empty()) log::info("{}", batch);
  announce_memory();
  write_status(RunState::kTraining);
}

// The plan is of the host's memory, in fp32: it says nothing of a run on GPUs.
void Trainer::announce_memory() {
  if (!is_leader() || !device_.device.is_cpu()) return;
  const MemoryPlan& plan = setup_.memory;
  for (const std::string& line : memory_table(plan)) log::info("{}", line);
  Json rank = Json::object();
  for (const auto& [name, bytes] : plan.ranks.front().parts()) rank[name] = bytes;
  progress_->event("memory_plan", {{"step", step_},
                                   {"rank", rank},
                                   {"rank_bytes", plan.ranks.front().total()},
                                   {"node_bytes", plan.node_bytes()},
                                   {"shared_memory_bytes", plan.shared_memory_bytes},
                                   {"checkpoint_bytes", plan.checkpoint_bytes},
                                   {"available_bytes", setup_.available.bytes},
                                   {"available_by", setup_.available.source}});
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
      const Batch batch = setup_.data->micro_batch(rows_consumed_, step, m);
      data_wait_seconds_ += seconds_since(asked);
      fault_point("forward");
      losses.push_back(fault_value("loss", rows_consumed_ + m * config_.micro_batch_size,
                                   model_->forward_backward(&batch, contributors)));
      ++micro_batches_computed_;
    } else {
      losses.push_back(model_->forward_backward(nullptr, contributors));
    }
  }
  model_->finish_gradients();
  return gather_round_robin(group_, losses, num_micro_batches);
}

std::string Trainer::last_checkpoint_text() const {
  const int64_t step = checkpointer_->last_saved_step();
  return step < 0 ? "There is no checkpoint yet"
                  : fmt::format("The last checkpoint is of step {}", step);
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

std::optional<StepReport> Trainer::train_step() {
  const auto start = Clock::now();
  const int64_t step = step_ + 1;
  heartbeat::set_step(step);
  rows_consumed_ = guard_.next_row(rows_consumed_);
  StepReport report;
  report.step = step;
  report.num_targets = setup_.data->num_targets(rows_consumed_, config_.global_batch_size);
  data_wait_seconds_ = seconds_since(start);
  // Without a target there is no loss and nothing to learn: momentum and decay alone would still
  // move the weights.
  if (report.num_targets > 0) {
    // The loss is a sum over the whole step's targets; the gradient is scaled once, here.
    const double scale = 1.0 / static_cast<double>(report.num_targets);
    const std::vector<double> losses = accumulate_gradients(step);
    report.loss = std::accumulate(losses.begin(), losses.end(), 0.0) * scale;
    report.grad_norm = model_->grad_norm(scale);
    const StepVerdict verdict = judge_step(report, losses);
    if (verdict.action == StepVerdict::Action::kApply) {
      update_weights(step, scale, report.grad_norm);
    } else {
      model_->zero_gradients();
    }
    if (verdict.action == StepVerdict::Action::kRollback) {
      roll_back(verdict.rows);
      return std::nullopt;
    }
  }
  step_ = step;
  rows_consumed_ += config_.global_batch_size;
  report.max_steps = setup_.max_steps;
  report.epoch =
      static_cast<double>(rows_consumed_) / static_cast<double>(setup_.data->rows_per_epoch());
  report.learning_rate = schedule_.at(step);
  report.num_tokens = config_.global_batch_size * setup_.data->sequence_len();
  report.rows_consumed = rows_consumed_;
  report.data_wait_seconds = longest_data_wait();
  report.seconds = seconds_since(start);
  return report;
}

double Trainer::longest_data_wait() {
  at::Tensor longest = at::tensor({data_wait_seconds_}, at::kDouble);
  group_.all_reduce_max(longest);
  return longest.item<double>();
}

void Trainer::log_step(StepReport report) {
  const bool due = report.step % config_.logging_steps == 0;
  peak_memory_.sample();
  if (due || report.step <= 3) report.memory_bytes = peak_memory_.bytes();
  if (++steps_done_here_ == kStepsBeforeMemoryReport) report_memory();
  if (!is_leader()) return;
  progress_->step(report);
  if (report.num_targets > 0) status_.loss = report.loss;
  status_.tokens_per_second = progress_->tokens_per_second();
  status_.eta_seconds = progress_->eta_seconds();
  if (due) write_status(RunState::kTraining);
}

SaveRequest Trainer::save_request() const {
  CommitRecord record;
  record.step = step_;
  record.rows_consumed = rows_consumed_;
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
  guard_.write_to(record);
  return {record, config_.save_total_limit, validator_.steps_best_first(), 0.0};
}

void Trainer::note_save(const SaveOutcome& outcome) {
  if (!is_leader()) return;
  progress_->saved(outcome);
  if (!outcome.error.empty()) return;
  status_.last_checkpoint_step = outcome.record.step;
  write_status(RunState::kTraining);
}

int Trainer::stop() {
  if (is_leader()) progress_->end_bar();
  checkpointer_->complete(save_request());
  heartbeat::set_phase(RankPhase::kExit);
  write_status(RunState::kStopped);
  report_ranks();
  return kExitStopped;
}

void Trainer::finish() {
  evaluate();
  checkpointer_->complete(save_request());
  if (is_leader()) validator_.report(step_, *progress_);
  heartbeat::set_phase(RankPhase::kExit);
  report_ranks();
  write_status(RunState::kFinished);
  if (is_leader()) progress_->end_bar();
  log::info("finished after step {}; checkpoint in {}", step_,
            directory_.checkpoint_path(step_).string());
}

// By then all buffers have been used, and nothing is given back before the end.
void Trainer::report_memory() {
  if (!device_.device.is_cpu()) return;
  at::Tensor peaks = at::tensor({peak_memory_.bytes(), -peak_memory_.bytes()}, at::kLong);
  group_.all_reduce_max(peaks);
  const int64_t most = peaks[0].item<int64_t>(), least = -peaks[1].item<int64_t>();
  if (most == 0) return;  // a system that does not say
  const int64_t planned = setup_.memory.ranks.front().total();
  log::info("memory of a rank: {} planned, {} measured ({:+.1f}%)", format_bytes(planned),
            least == most ? format_bytes(most)
                          : fmt::format("{} to {}", format_bytes(least), format_bytes(most)),
            100.0 * static_cast<double>(most - planned) / static_cast<double>(planned));
}

// What each rank did and held: the share of the micro-batches, memory against its plan.
void Trainer::report_ranks() {
  peak_memory_.sample();
  const MemoryUse use = model_->memory_use();
  const TrafficCounters traffic = model_->mesh().traffic();
  const Json mine = {
      {"rank", group_.rank()},
      {"micro_batches", micro_batches_computed_},
      {"peak_pss_bytes", peak_memory_.bytes()},
      {"peak_gpu_bytes", peak_gpu_bytes(device_.device)},
      {"planned_bytes", setup_.memory.ranks[static_cast<size_t>(group_.rank())].total()},
      {"weight_bytes", use.weight_bytes},
      {"gradient_bytes", use.gradient_bytes},
      {"optimizer_bytes", use.optimizer_bytes},
      {"frozen_bytes", use.frozen_bytes},
      {"gathered_bytes", use.unsharded_parameter_bytes},
      {"leaf_bytes", use.unsharded_gradient_bytes},
      {"save_buffer_bytes", checkpointer_->buffer_bytes()},
      {"max_gathered_stages", model_->max_unsharded_stages()},
      {"received_bytes",
       {{"all_gather", traffic.all_gather_bytes},
        {"reduce", traffic.reduce_bytes},
        {"other", traffic.other_bytes}}},
      {"shared_read_bytes", traffic.shared_read_bytes}};
  Json ranks = Json::array();
  for (const std::string& text : group_.all_gather_text(mine.dump())) {
    ranks.push_back(parse_json(text, "rank report"));
  }
  if (is_leader()) progress_->event("ranks", {{"step", step_}, {"ranks", ranks}});
}

// All from which the ranks decide what comes next.
Hash128 Trainer::control_hash() const {
  CommitRecord record;
  guard_.write_to(record);
  return hash_text(fmt::format("{} {} {}", step_, rows_consumed_, record.guard_state));
}

void Trainer::write_status(RunState state) {
  if (!is_leader()) return;
  status_.state = state;
  status_.step = step_;
  if (has_ended(state)) {
    status_writer_.write_end(status_);
  } else {
    status_writer_.write(status_);
  }
}

}  // namespace temper
