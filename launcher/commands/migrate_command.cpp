#include <iostream>
#include <string>

#include "common/error.h"
#include "config/migrate/migrate_run.h"
#include "launcher/commands/commands.h"

namespace temper {
namespace {

std::string counted(size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

int migrate_command(const CommandLine& line) {
  MigrateOptions options;
  options.num_processes = line.get<int64_t>("nproc");
  if (options.num_processes < 1) line.refuse("--nproc must be at least 1");
  if (const auto name = line.find("from")) options.trainer = trainer_named(*name);
  const auto file = line.get("FILE");
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
