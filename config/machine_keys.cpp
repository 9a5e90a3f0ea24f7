// run.yaml's keys about ranks and machines: sharding, sweeps, devices, Slurm.
#include "config/key_table.h"

namespace temper {
namespace {

const Choices<GradientReduction> kReductions = {{"each_round", GradientReduction::kEachRound},
                                                {"once_per_step", GradientReduction::kOncePerStep}};
const Choices<DeviceChoice> kDevices = {
    {"auto", DeviceChoice::kAuto}, {"cpu", DeviceChoice::kCpu}, {"cuda", DeviceChoice::kCuda}};

constexpr int64_t kMaxOfNode = int64_t{1} << 16;
constexpr int64_t kMaxTimes = int64_t{1} << 20;

void add_size_keys(KeyTable& table) {
  table.integer("nodes", &SlurmConfig::nodes, "The job gets this many nodes.")
      .at_least(1)
      .at_most(kMaxTimes)
      .unit("nodes");
  table
      .integer("ntasks_per_node", &SlurmConfig::ntasks_per_node,
               "So many ranks run on a node: one for each of its GPUs, or a few on a CPU node.")
      .at_least(1)
      .at_most(kMaxOfNode)
      .unit("ranks");
  table.integer("cpus_per_task", &SlurmConfig::cpus_per_task, "A rank gets this many cores.")
      .at_least(1)
      .at_most(kMaxOfNode)
      .unit("cores");
  table.integer("gpus_per_node", &SlurmConfig::gpus_per_node, "The job gets this many GPUs a node.")
      .at_least(0)
      .at_most(kMaxOfNode)
      .unit("GPUs");
}

void add_request_keys(KeyTable& table) {
  table.word("time", &SlurmConfig::time, "The job has this time limit, e.g. 24:00:00.");
  table.word("partition", &SlurmConfig::partition, "The job waits in this partition.");
  table.word("account", &SlurmConfig::account, "The job is charged to this account.");
  table.word("qos", &SlurmConfig::qos, "The job asks for this quality of service.");
  table.word("constraint", &SlurmConfig::constraint, "The nodes must have these features.");
  table.word("mem", &SlurmConfig::mem, "A node must have this much memory, e.g. 64G.");
  table.list(ValueType::kWords, "modules", &SlurmConfig::modules, read_words,
             "The job loads these modules first.");
  table.text("container", &SlurmConfig::container,
             "The ranks run in this Apptainer image; temper-rank must be on its PATH.");
  table.list(ValueType::kAssignments, "env", &SlurmConfig::env, read_assignments,
             "The job sets these variables first: {NAME: VALUE}.");
  table.list(ValueType::kOptions, "extra", &SlurmConfig::extra, read_options,
             "sbatch gets these further options, e.g. [\"--reservation=maint\"].");
}

void add_job_life_keys(KeyTable& table) {
  table.choice("launcher", &SlurmConfig::launcher, kLauncherChoices,
               "Decides what starts the ranks: auto (srun where it has a PMIx plugin, else "
               "mpirun), srun or mpirun.");
  table
      .integer("signal_seconds", &SlurmConfig::signal_seconds,
               "So long before the time limit the run is told to save and stop. A step and a "
               "checkpoint must fit.")
      .at_least(1)
      .at_most(65535)
      .unit("seconds");
  table
      .integer("max_requeues", &SlurmConfig::max_requeues,
               "The job is queued again at most this many times in a row without a new "
               "checkpoint; 0 means that it is never queued again.")
      .at_least(0)
      .at_most(kMaxTimes);
  table
      .integer("max_restarts", &SlurmConfig::max_restarts,
               "The ranks are started again after at most this many crashes in a row without a "
               "new checkpoint.")
      .at_least(0)
      .at_most(kMaxTimes);
  table.boolean("exclude_failed_nodes", &SlurmConfig::exclude_failed_nodes,
                "true goes on after a crash in a further job, without the node of the rank that "
                "crashed.");
}

}  // namespace

void add_sharding_keys(KeyTable& table) {
  table.section("Sharding (the defaults suit one node, and most clusters)");
  table
      .integer("dp_shard_size", &RunConfig::dp_shard_size,
               "So many ranks share one copy of weights, gradients and optimizer state; 0 means "
               "ranks / dp_replicate_size.")
      .count()
      .unit("ranks")
      .also({"data_parallel_shard_degree"});
  table
      .integer("dp_replicate_size", &RunConfig::dp_replicate_size,
               "There are so many copies of that state: with one a node, weights never travel "
               "between nodes.")
      .count(1)
      .unit("copies")
      .also({"data_parallel_replicate_degree"});
  table.boolean("reshard_after_forward", &RunConfig::reshard_after_forward,
                "true frees gathered weights after each use; false keeps them whole until the "
                "update.");
  table.choice("reduce_gradients", &RunConfig::reduce_gradients, kReductions,
               "The ranks' gradients are added up in each_round (the same bits on any number of "
               "ranks) or once_per_step (fewer bytes, one more copy of the gradients a rank).");
}

void add_sweep_key(KeyTable& table) {
  table.section("Sweep (`temper submit` makes an array job of it)");
  table.sweep("sweep", &RunConfig::sweep,
              "There is one run for each combination, e.g. {learning_rate: [1e-4, 2e-4]}, each in "
              "a directory of its own below output_dir.");
}

void add_machine_keys(KeyTable& table) {
  table.section("Machine");
  table.choice(
      "device", &RunConfig::device, kDevices,
      "The ranks compute on this device; auto takes the GPUs that are allocated, or that the "
      "machine has, else the CPU.");
  table
      .integer("threads_per_rank", &RunConfig::threads_per_rank,
               "Each rank computes with this many CPU threads. Another number gives other last "
               "bits.")
      .at_least(1)
      .at_most(4096)
      .unit("threads");
}

void add_slurm_keys(KeyTable& table) {
  table.section("Slurm (for the batch script; empty: the site's own choice)", "slurm.");
  add_size_keys(table);
  add_request_keys(table);
  add_job_life_keys(table);
}

}  // namespace temper
