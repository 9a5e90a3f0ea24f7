// run.yaml's keys about the optimisation, and about evaluation, logging and saving.
#include "config/key_table.h"

namespace temper {
namespace {

// Warm-up goes before each of them, so the name with warm-up means the same.
const Choices<std::string> kSchedulers = {{"constant", "constant"},
                                          {"linear", "linear"},
                                          {"cosine", "cosine"},
                                          {"constant_with_warmup", "constant"}};
const Choices<BadStepPolicy> kBadStepPolicies = {{"stop", BadStepPolicy::kStop},
                                                 {"skip", BadStepPolicy::kSkip},
                                                 {"rollback", BadStepPolicy::kRollback}};
const Choices<SaveErrorPolicy> kSaveErrorPolicies = {{"continue", SaveErrorPolicy::kContinue},
                                                     {"stop", SaveErrorPolicy::kStop}};
const Choices<ForgettingPolicy> kForgettingPolicies = {{"stop", ForgettingPolicy::kStop},
                                                       {"warn", ForgettingPolicy::kWarn}};

constexpr int64_t kMaxSmallCount = int64_t{1} << 20;

void add_batch_keys(KeyTable& table) {
  table
      .integer("micro_batch_size", &RunConfig::micro_batch_size,
               "One rank computes this many rows at once. It decides the memory, not the quality "
               "of the result.")
      .at_least(1)
      .at_most(kMaxSmallCount)
      .unit("rows")
      .also({"per_device_train_batch_size"})
      .example("1");
  table
      .integer("global_batch_size", &RunConfig::global_batch_size,
               "An optimizer step sees this many rows, over all ranks: a multiple of "
               "micro_batch_size. The result does not depend on the number of ranks.")
      .count(1)
      .unit("rows")
      .default_note("micro_batch_size x gradient_accumulation_steps")
      .also({"train_batch_size"})
      .example("16");
  table
      .integer("gradient_accumulation_steps", &RunConfig::gradient_accumulation_steps,
               "Instead of global_batch_size: an optimizer step has this many micro-batches, over "
               "all ranks together. Other trainers count those of one rank.")
      .at_least(1)
      .at_most(kMaxSmallCount)
      .unit("micro-batches")
      .default_note("global_batch_size / micro_batch_size, or 1")
      .unwritten();
}

void add_schedule_keys(KeyTable& table) {
  table
      .number("num_epochs", &RunConfig::num_epochs,
              "Every row is seen this many times, where max_steps does not end the run before.")
      .above(0)
      .at_most(1e6)
      .unit("epochs")
      .also({"num_train_epochs", "epochs"})
      .example("3");
  table
      .integer("max_steps", &RunConfig::max_steps,
               "The run ends after this many optimizer steps; 0 means as many as num_epochs needs.")
      .count()
      .unit("steps");
  table
      .number("learning_rate", &RunConfig::learning_rate,
              "The highest learning rate. Without this key it is 2e-4 for LoRA and 1e-5 for full "
              "fine-tuning, which forgets more at higher ones.")
      .above(0)
      .default_note("2e-4 with adapter: lora, else 1e-5")
      .also({"lr"})
      .example("2e-4");
  table
      .choice("lr_scheduler", &RunConfig::lr_scheduler, kSchedulers,
              "After the warm-up the learning rate stays (constant), or falls as a line (linear) "
              "or half a cosine (cosine). constant_with_warmup means constant.")
      .also({"lr_scheduler_type"});
  table
      .integer("warmup_steps", &RunConfig::warmup_steps,
               "In this many first steps the learning rate rises from 0.")
      .count()
      .unit("steps")
      .also({"num_warmup_steps"});
  table
      .number("warmup_ratio", &RunConfig::warmup_ratio,
              "Instead of warmup_steps: the warm-up takes this fraction of all steps.")
      .at_least(0)
      .below(1)
      .example("0.03");
  table
      .number("min_lr_ratio", &RunConfig::min_lr_ratio,
              "linear and cosine end at this fraction of learning_rate.")
      .at_least(0)
      .at_most(1)
      .also({"cosine_min_lr_ratio"});
}

void add_optimizer_keys(KeyTable& table) {
  table
      .number("weight_decay", &RunConfig::weight_decay,
              "AdamW shrinks the weights by this times the learning rate in each step.")
      .at_least(0)
      .at_most(1e6);
  table
      .number("adam_beta1", &RunConfig::adam_beta1,
              "AdamW's average of the gradient keeps this fraction of itself in each step.")
      .at_least(0)
      .below(1);
  table
      .number("adam_beta2", &RunConfig::adam_beta2,
              "AdamW's average of the squared gradient keeps this fraction of itself in each step.")
      .at_least(0)
      .below(1);
  table
      .number("adam_epsilon", &RunConfig::adam_epsilon,
              "AdamW adds this to the root that it divides by.")
      .above(0)
      .also({"adam_eps"});
  table
      .number("max_grad_norm", &RunConfig::max_grad_norm,
              "The gradient is scaled down to this global norm where it is larger; 0 means never.")
      .at_least(0)
      .also({"gradient_clipping", "clip_grad_norm", "gradient_clip_val"});
}

void add_bad_step_keys(KeyTable& table) {
  table.choice("on_non_finite", &RunConfig::on_non_finite, kBadStepPolicies,
               "When the loss or the gradient is not finite, the run stops; skips the update; or "
               "goes back to the last checkpoint and leaves those rows out (rollback).");
  table
      .number("spike_factor", &RunConfig::spike_factor,
              "A loss or gradient norm above this many times the median of the last 32 steps is a "
              "spike; 0 means that nothing is.")
      .at_least(1)
      .at_most(1e6)
      .or_zero();
  table
      .integer("spike_patience", &RunConfig::spike_patience,
               "on_spike acts after this many spikes in a row: one alone is often harmless.")
      .count(1)
      .unit("steps");
  table.choice("on_spike", &RunConfig::on_spike, kBadStepPolicies,
               "When there is a spike, the run skips the update; goes back to before the first "
               "spike (rollback); or stops.");
  table
      .integer("max_rollbacks", &RunConfig::max_rollbacks,
               "A run that had to go back this many times stops at the next bad step.")
      .count();
}

void add_computing_keys(KeyTable& table) {
  table.boolean("bf16", &RunConfig::bf16,
                "true computes in bf16, with weights and optimizer state in fp32 (CUDA only).");
  table
      .boolean("gradient_checkpointing", &RunConfig::gradient_checkpointing,
               "true keeps only each block's input and computes the rest again: this takes less "
               "memory and is a third slower.")
      .also({"enable_activation_checkpointing", "activation_checkpointing"});
  table
      .integer("gradient_checkpointing_every", &RunConfig::gradient_checkpointing_every,
               "With gradient_checkpointing: one of this many blocks is computed again.")
      .count(1)
      .unit("blocks");
  table
      .unsigned_integer("seed", &RunConfig::seed,
                        "Decides the order of rows, the adapter's first weights and dropout.")
      .at_least(0);
}

void add_saving_keys(KeyTable& table) {
  table
      .integer("save_steps", &RunConfig::save_steps,
               "A checkpoint is saved every so many steps; 0 means by time alone.")
      .count()
      .unit("steps")
      .also({"save_every_n_steps"});
  table
      .number("save_minutes", &RunConfig::save_minutes,
              "A checkpoint is saved when the last one is this old, if possible after an "
              "evaluation; 0 means only by save_steps, at the end and on a signal. Given beside "
              "save_steps, both count; with save_steps alone, only that.")
      .at_least(0)
      .at_most(1e9)
      .unit("minutes")
      .default_note("15, or 0 where save_steps is given");
  table
      .integer("save_total_limit", &RunConfig::save_total_limit,
               "So many complete checkpoints are kept; 0 means all. The two newest and the one "
               "with the best test loss always stay.")
      .count()
      .unit("checkpoints")
      .also({"keep_last_n_checkpoints"});
  table.boolean("async_save", &RunConfig::async_save,
                "true writes checkpoints while training goes on, from a copy of the state (12 "
                "bytes per trained parameter, divided by the ranks of a replica); with false "
                "training waits, without the copy.");
  table.choice("on_save_error", &RunConfig::on_save_error, kSaveErrorPolicies,
               "When a checkpoint cannot be written, the run continues on the one before, or "
               "stops.");
}

void add_stopping_keys(KeyTable& table) {
  table.duration("max_wall_time", &RunConfig::max_wall_time,
                 "The run stops with a checkpoint (exit code 75) in time before this much has "
                 "passed since its start; 0 means no limit. Write seconds or H:MM:SS.");
  table.duration("stall_timeout", &RunConfig::stall_timeout,
                 "A rank that makes no progress for so long ends the job with a line that names it "
                 "(exit code 76); it has three times as long while it loads or waits for a "
                 "checkpoint; 0 means never. Write seconds or H:MM:SS.");
  table
      .integer("check_replicas_every", &RunConfig::check_replicas_every,
               "Every so many steps the ranks compare what several of them hold alike (replicas, "
               "copies of a frozen base), and the run stops when one differs; 0 means never.")
      .count()
      .unit("steps");
  table
      .integer("early_stopping_patience", &RunConfig::early_stopping_patience,
               "The run stops after this many evaluations without improvement; 0 means never. It "
               "needs test_datasets and eval_steps.")
      .count()
      .unit("evaluations")
      .also({"early_stopping_steps"});
  table
      .number("max_forgetting", &RunConfig::max_forgetting,
              "The loss over general_datasets may rise by this fraction above the base's (0.05 is "
              "5 %); 0 means no limit. It decides which checkpoint is the best.")
      .at_least(0)
      .at_most(1e6);
  table.choice("on_forgetting", &RunConfig::on_forgetting, kForgettingPolicies,
               "When an evaluation is over that limit, training stops, or warns and goes on.");
}

}  // namespace

void add_optimisation_keys(KeyTable& table) {
  table.section("Optimisation");
  add_batch_keys(table);
  add_schedule_keys(table);
  add_optimizer_keys(table);
  add_bad_step_keys(table);
  add_computing_keys(table);
}

void add_progress_keys(KeyTable& table) {
  table.section("Evaluation, logging, saving");
  table
      .integer("eval_steps", &RunConfig::eval_steps,
               "The held-out losses are computed every so many steps; 0 means only at the end.")
      .count()
      .unit("steps")
      .also({"run_val_every_n_steps"});
  table
      .integer("logging_steps", &RunConfig::logging_steps,
               "The loss is reported every so many steps.")
      .count(1)
      .unit("steps")
      .also({"log_every_n_steps"});
  add_saving_keys(table);
  add_stopping_keys(table);
  table
      .path("output_dir", &RunConfig::output_dir,
            "Checkpoints, metrics and the resolved configuration of this run are written into this "
            "directory.")
      .required()
      .example("runs/first");
}

}  // namespace temper
