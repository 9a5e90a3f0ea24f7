#include "common/cli/commands.h"
#include "common/cli/shared_options.h"

namespace temper {
namespace {

CommandSpec init() {
  return {.name = "init",
          .group = CommandGroup::kBefore,
          .summary = "Write a commented run.yaml and a README for a new project",
          .usage = "temper init [DIR]",
          .about =
              "Writes a commented run.yaml, its schema for editors (run.schema.json) and a "
              "README.md for a new project into DIR, or here without it. Nothing that exists "
              "is overwritten.",
          .arguments = {{"DIR", 0, 1}}};
}

CommandSpec schema() {
  return {.name = "schema",
          .group = CommandGroup::kBefore,
          .summary = "Print a JSON Schema of run.yaml for editors",
          .usage = "temper schema [--markdown]",
          .about =
              "Prints a JSON Schema of run.yaml, by which editors complete keys and mark "
              "mistakes:\n"
              "  temper schema > run.schema.json\n"
              "and as the first line of run.yaml\n"
              "  # yaml-language-server: $schema=run.schema.json",
          .arguments = {},
          .options = {flag("markdown", "Prints the reference page of run.yaml instead.")}};
}

CommandSpec migrate() {
  return {.name = "migrate",
          .group = CommandGroup::kBefore,
          .summary = "Make a run.yaml of an axolotl, LLaMA-Factory or TRL configuration",
          .usage = "temper migrate FILE [--nproc N] [--from TRAINER] > run.yaml",
          .about =
              "Reads a configuration of axolotl, LLaMA-Factory, TRL or transformers' "
              "TrainingArguments, and prints a run.yaml. Its comments say what the batch size "
              "becomes, which commands pack the datasets, what differs, and every key that is "
              "not carried over, with the reason (docs/migrate.md).",
          .arguments = {{"FILE"}},
          .options = {
              integer_option("nproc,n", "N",
                             "Number of processes that the file was used with; the global batch "
                             "follows from it.")
                  .or_else("1"),
              text_option("from", "TRAINER",
                          "The trainer that the file is of. Without it the file's keys tell.")
                  .one_of({"axolotl", "llama-factory", "trl"})}};
}

CommandSpec plan() {
  return {
      .name = "plan",
      .group = CommandGroup::kBefore,
      .summary = "Work out memory, disk and time of a run before it starts",
      .usage =
          "temper plan RUN.yaml [--nodes N --ntasks-per-node M | --nproc R] [--memory SIZE] "
          "[--json]",
      .about =
          "Works out in milliseconds what a run will need, without starting it: memory of "
          "each rank and node and whether it fits, what to change where it does not, disk, "
          "operations, time. Without options for the machine it takes the slurm section of "
          "RUN.yaml and this machine's memory. Sizes are written as 64G; K, M, G and T are "
          "powers of 1024.",
      .arguments = {{"RUN.yaml"}},
      .options = {
          integer_option("nodes", "N", "Number of nodes. Without it slurm.nodes."),
          integer_option("ntasks-per-node", "M",
                         "Number of ranks on each node. Without it slurm.ntasks_per_node."),
          integer_option("gpus-per-node", "M",
                         "Number of GPUs of a node, one rank for each; the same as "
                         "--ntasks-per-node."),
          integer_option("nproc,n", "R",
                         "Number of ranks in all, in equal parts on the nodes, instead of "
                         "--ntasks-per-node."),
          text_option("hostfile", "FILE",
                      "Takes nodes and ranks from mpirun's hostfile, as `temper train` does."),
          text_option("memory", "SIZE", "Memory of a node."),
          text_option("gpu-memory", "SIZE", "Memory of a GPU."),
          number_option("flops", "RATE",
                        "Floating-point operations a second that one rank reaches (9e10), for the "
                        "time."),
          set_option(), json_option()}};
}

CommandSpec train() {
  return {
      .name = "train",
      .group = CommandGroup::kEveryDay,
      .summary = "Run or resume a fine-tune on any number of ranks",
      .usage = "temper train RUN.yaml [--nproc N] [--set KEY=VALUE]... [--resume HOW]",
      .about =
          "Starts the ranks of a run: in a Slurm allocation with srun or mpirun, else with "
          "mpirun here or on the hosts of --hostfile. `mpirun -n N temper-rank train "
          "RUN.yaml` is the same by hand. TERM, INT and USR1 stop it after the current step "
          "with a checkpoint (exit 75); the same command goes on from there.",
      .arguments = {{"RUN.yaml"}},
      .options = joined(
          {start_options(),
           {set_option(),
            text_option("resume", "HOW",
                        "Where to go on: auto, the newest complete checkpoint of output_dir; "
                        "never; or a checkpoint's PATH.")
                .or_else("auto"),
            flag("requeue",
                 "In a batch job: puts it back into the queue after the signal before its time "
                 "limit, and starts the ranks again after a crash. The limits are under slurm: in "
                 "RUN.yaml.")
                .for_temper_alone(),
            integer_option("sweep-run", "I", "Runs only run I (from 0) of RUN.yaml's sweep.")
                .for_temper_alone(),
            flag("dry-run", "Prints the resolved configuration and the plan, and starts nothing.")
                .for_temper_alone(),
            json_option("With --dry-run: prints both as JSON.").for_temper_alone()}}),
      .runs_in_temper_rank = true};
}

CommandSpec sweep() {
  return {
      .name = "sweep",
      .group = CommandGroup::kTraining,
      .summary = "Run several settings and compare what each learned and forgot",
      .usage = "temper sweep RUN.yaml [-o DIR] [--over KEY=VALUE,VALUE...]... [options]",
      .about =
          "Trains one run after the other with every combination of the values that --over "
          "gives, or else the `sweep:` of RUN.yaml, and draws what each learned against what "
          "it forgot. The same command goes on where it was stopped.\n\n"
          "Example:\n"
          "  temper sweep run.yaml -o sweep --replay general.h5 \\\n"
          "    --over replay=0,0.05,0.2 --over learning_rate=1e-4,3e-4",
      .arguments = {{"RUN.yaml"}},
      .options = joined(
          {{text_option("output,o", "DIR",
                        "The directory of the runs and of frontier.html. Without it output_dir."),
            texts_option("over", "KEY=VALUES",
                         "A key of run.yaml, or replay, and its values with commas between them."),
            text_option("replay", "FILE",
                        "The dataset of general text that --over replay mixes "
                        "in.")},
           start_options(),
           {set_option()}})};
}

CommandSpec doctor() {
  return {.name = "doctor",
          .group = CommandGroup::kBefore,
          .summary = "Check whether these nodes can do a run together",
          .usage = "temper doctor [RUN.yaml] [--nproc N] [--set KEY=VALUE]... [--json]",
          .about =
              "Looks at these nodes as a run does before it starts: ranks and tasks, cores and "
              "threads, the same program, configuration and data everywhere, collectives checked "
              "for values and speed, clocks, free disk, file locks. Run it in the allocation in "
              "question. Exit code 1: not ready.",
          .arguments = {{"RUN.yaml", 0, 1}},
          .options = joined({start_options(), {set_option(), json_option()}}),
          .runs_in_temper_rank = true};
}

CommandSpec rehearse() {
  return {
      .name = "rehearse",
      .group = CommandGroup::kBefore,
      .summary = "Try a run in small on its real nodes, and predict the whole",
      .usage = "temper rehearse RUN.yaml [--nproc N] [--set KEY=VALUE]... [--json]",
      .about =
          "Does the run in small, on the nodes it will have: ten steps, a checkpoint, kill "
          "-9, a resume on another number of ranks, ten more steps, an export with its proof. "
          "Then it says what the whole run will take of time, memory and disk. It works in "
          "OUTPUT_DIR-rehearsal, which is removed afterwards.",
      .arguments = {{"RUN.yaml"}},
      .options = joined({start_options(),
                         {set_option(), flag("keep", "Leaves OUTPUT_DIR-rehearsal where it is."),
                          json_option()}})};
}

CommandSpec submit() {
  return {
      .name = "submit",
      .group = CommandGroup::kTraining,
      .summary = "Give a run to Slurm",
      .usage = "temper submit RUN.yaml [--dry-run] [--set KEY=VALUE]... [--array N -- pack ...]",
      .about =
          "Checks the run, writes its batch script into output_dir and gives it to sbatch. "
          "What the job asks for stands under `slurm:` in RUN.yaml. It stops with a "
          "checkpoint before its time limit and puts itself into the queue again until the "
          "run is complete. A `sweep:` becomes an array job. With --array N and, after --, a "
          "`pack` command it packs in N tasks, one shard each.",
      .arguments = {{"RUN.yaml"}, {"COMMAND", 0, kAnyNumber}},
      .options = {
          set_option(),
          flag("dry-run", "Checks everything, prints the script and submits nothing."),
          flag("edited", "Submits output_dir/job.sbatch as it was changed by hand."),
          flag("overwrite", "Writes a script anew that was changed by hand."),
          integer_option("array", "N",
                         "With a `pack` command after --: submits an array job of N tasks."),
          json_option()}};
}

CommandSpec status() {
  return {
      .name = "status",
      .group = CommandGroup::kEveryDay,
      .summary = "Say where a run stands",
      .usage = "temper status RUN_DIR [--follow] [--json]",
      .about =
          "Says where a run stands: from its directory and, where there is one, its Slurm "
          "job. It works after the job and without Slurm. Of a sweep it shows all runs.",
      .arguments = {{"RUN_DIR"}},
      .options = {flag("follow,f", "Prints a line whenever it changes, until the run has ended."),
                  json_option()}};
}

}  // namespace

std::vector<CommandSpec> training_commands() {
  return {train(), status(), init(),     schema(), migrate(),
          plan(),  doctor(), rehearse(), submit(), sweep()};
}

}  // namespace temper
