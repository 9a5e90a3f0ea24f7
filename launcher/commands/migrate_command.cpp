#include <iostream>
#include <string>

#include "common/error.h"
#include "config/migrate/migrate_run.h"
#include "launcher/command_line.h"

namespace temper {
namespace {

constexpr const char* kAbout =
    "Reads a configuration of axolotl, LLaMA-Factory, TRL or transformers' TrainingArguments, and\n"
    "prints a run.yaml. Its comments say what the batch size becomes, which commands pack the\n"
    "datasets, what differs, and every key that is not carried over, with the reason\n"
    "(docs/migrate.md).";

std::string counted(size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

int migrate_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  CommandLine line("temper migrate FILE [--nproc N] [--from TRAINER] > run.yaml", kAbout);
  line.options()("nproc,n", po::value<int64_t>()->value_name("N")->default_value(1),
                 "processes that the file was used with; the global batch follows from it")(
      "from", po::value<std::string>()->value_name("TRAINER"),
      "axolotl, llama-factory or trl; without it the file's keys tell");
  line.positional("FILE", 1);
  if (!line.parse(arguments)) return kExitDone;

  MigrateOptions options;
  options.num_processes = line.get<int64_t>("nproc");
  if (options.num_processes < 1) line.refuse("--nproc must be at least 1");
  if (const auto name = line.find<std::string>("from")) options.trainer = trainer_named(*name);
  const std::string file = line.text("FILE");
  const Migration migration = migrate_run(file, options);
  std::cout << migration_text(migration, file);
  std::cerr << fmt::format(
      "temper migrate: {} of {} carried over, {} not, each named with its "
      "reason in the comments\n",
      counted(migration.keys.size(), "key"), trainer_name(migration.trainer),
      migration.left_out.size());
  return kExitDone;
}

}  // namespace temper
