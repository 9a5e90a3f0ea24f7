#include "trainer/run_reporter.h"

#include <ATen/ATen.h>

#include <utility>

#include "comm/nccl/gpu_devices.h"
#include "common/elapsed.h"
#include "common/log.h"
#include "config/batch_note.h"
#include "config/step_count.h"

namespace temper {
namespace {

constexpr int kStepsBeforeMemoryReport = 3;

}  // namespace

RunReporter::RunReporter(const RunSetup& setup, const RankDevice& device, ProcessGroup& group,
                         const OwnedRunDirectory& directory, RunStatus status)
    : setup_(setup),
      device_(device),
      group_(group),
      status_writer_(directory),
      status_(std::move(status)),
      metrics_path_(directory.metrics_path()) {}

void RunReporter::begin(const ShardedModel& model, int64_t step, int64_t last_saved_step,
                        double load_seconds) {
  const RunConfig& config = setup_.config;
  status_.step = step;
  status_.last_checkpoint_step = last_saved_step;
  if (is_leader()) {
    metrics_.emplace(metrics_path_);
    bar_.emplace(config.logging_steps, step + 1);
  }
  event(step > 0 ? "resume" : "start",
        {{"step", step},
         {"attempt", status_.attempt},
         {"ranks", group_.size()},
         {"max_steps", setup_.max_steps},
         {"rows_per_epoch", setup_.data->rows_per_epoch()},
         {"hash_seconds", setup_.hash_seconds},
         {"load_seconds", load_seconds},
         {"parameters", model.num_parameters()},
         {"trainable_parameters", model.num_trainable_parameters()}});
  log::info("{} of {} parameters train, {} rank{}, {} micro-batch{} of {} x {} tokens a step; {}",
            model.num_trainable_parameters(), model.num_parameters(), group_.size(),
            group_.size() == 1 ? "" : "s", config.micro_batches_per_step(),
            config.micro_batches_per_step() == 1 ? "" : "es", config.micro_batch_size,
            setup_.data->sequence_len(),
            step > 0 ? fmt::format("continuing after step {} of {}", step, setup_.max_steps)
                     : fmt::format("{} steps", setup_.max_steps));
  const std::string few = few_steps_warning(config, setup_.data->rows_per_epoch(), group_.size());
  if (!few.empty()) log::warning("{}", few);
  const std::string batch = batch_note(config, group_.size());
  if (!batch.empty()) log::info("{}", batch);
  announce_memory();
  status_.state = RunState::kTraining;
  write_status();
}

// The plan is made for the host's memory, in fp32: it says nothing about a run on GPUs.
void RunReporter::announce_memory() {
  if (!is_leader() || !device_.device.is_cpu()) return;
  const MemoryPlan& plan = setup_.memory;
  for (const std::string& line : memory_table(plan)) log::info("{}", line);
  Json rank = Json::object();
  for (const auto& [name, bytes] : plan.ranks.front().parts()) rank[name] = bytes;
  event("memory_plan", {{"step", status_.step},
                        {"rank", rank},
                        {"rank_bytes", plan.ranks.front().total()},
                        {"node_bytes", plan.node_bytes()},
                        {"shared_memory_bytes", plan.shared_memory_bytes},
                        {"checkpoint_bytes", plan.checkpoint_bytes},
                        {"available_bytes", setup_.available.bytes},
                        {"available_by", setup_.available.source}});
}

void RunReporter::step(StepReport report) {
  const bool due = report.step % setup_.config.logging_steps == 0;
  peak_memory_.sample();
  if (due || report.step <= 3) report.memory_bytes = peak_memory_.bytes();
  if (++steps_done_here_ == kStepsBeforeMemoryReport) report_peak_memory();
  status_.step = report.step;
  if (!is_leader()) return;
  metrics_->step(report);
  bar_->step(report);
  if (report.num_targets > 0) status_.loss = report.loss;
  status_.tokens_per_second = bar_->tokens_per_second();
  status_.eta_seconds = bar_->eta_seconds();
  if (due) write_status();
}

void RunReporter::saved(const SaveOutcome& outcome) {
  if (!is_leader()) return;
  if (!outcome.error.empty()) end_bar();
  metrics_->saved(outcome);
  if (!outcome.error.empty()) return;
  status_.last_checkpoint_step = outcome.record.step;
  write_status();
}

void RunReporter::rolled_back(int64_t step, const RowRange& rows) {
  log::info("going on after step {}", step);
  event("rollback", {{"step", step}, {"rows", {rows.begin, rows.end}}});
  status_.step = step;
  write_status();
}

void RunReporter::event(const std::string& event, Json fields) {
  if (metrics_) metrics_->event(event, std::move(fields));
}

void RunReporter::end_bar() {
  if (bar_) bar_->end();
}

// After a few steps all buffers have been used, and nothing is given back before the end.
void RunReporter::report_peak_memory() {
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

void RunReporter::report_ranks(const ShardedModel& model, int64_t micro_batches,
                               uint64_t save_buffer_bytes) {
  peak_memory_.sample();
  const MemoryUse use = model.memory_use();
  const TrafficCounters traffic = model.mesh().traffic();
  const Json mine = {
      {"rank", group_.rank()},
      {"micro_batches", micro_batches},
      {"peak_pss_bytes", peak_memory_.bytes()},
      {"peak_gpu_bytes", peak_gpu_bytes(device_.device)},
      {"planned_bytes", setup_.memory.ranks[static_cast<size_t>(group_.rank())].total()},
      {"weight_bytes", use.weight_bytes},
      {"gradient_bytes", use.gradient_bytes},
      {"optimizer_bytes", use.optimizer_bytes},
      {"frozen_bytes", use.frozen_bytes},
      {"gathered_bytes", use.unsharded_parameter_bytes},
      {"leaf_bytes", use.unsharded_gradient_bytes},
      {"save_buffer_bytes", save_buffer_bytes},
      {"max_gathered_stages", model.max_unsharded_stages()},
      {"received_bytes",
       {{"all_gather", traffic.all_gather_bytes},
        {"reduce", traffic.reduce_bytes},
        {"other", traffic.other_bytes}}},
      {"shared_read_bytes", traffic.shared_read_bytes}};
  Json ranks = Json::array();
  for (const std::string& text : group_.all_gather_text(mine.dump())) {
    ranks.push_back(parse_json(text, "rank report"));
  }
  event("ranks", {{"step", status_.step}, {"ranks", ranks}});
}

void RunReporter::write_status() {
  if (is_leader()) status_writer_.write(status_);
}

void RunReporter::end(RunState state) {
  status_.state = state;
  if (is_leader()) status_writer_.write_end(status_);
}

}  // namespace temper
