#include "launcher/slurm/batch_script.h"

#include <cctype>
#include <string_view>

#include "common/error.h"
#include "launcher/slurm/batch_template.h"
#include "launcher/slurm/shell_text.h"

namespace temper {
namespace {

void add_directive(std::string& text, const std::string& option, const std::string& value) {
  if (!value.empty()) text += fmt::format("#SBATCH --{}={}\n", option, value);
}

std::string directives(const BatchJob& job) {
  const SlurmConfig& slurm = job.slurm;
  std::string text;
  add_directive(text, "job-name", job.name);
  add_directive(text, "nodes", std::to_string(slurm.nodes));
  add_directive(text, "ntasks-per-node", std::to_string(slurm.ntasks_per_node));
  add_directive(text, "cpus-per-task", std::to_string(slurm.cpus_per_task));
  if (slurm.gpus_per_node > 0) {
    add_directive(text, "gpus-per-node", std::to_string(slurm.gpus_per_node));
  }
  add_directive(text, "time", slurm.time);
  add_directive(text, "partition", slurm.partition);
  add_directive(text, "account", slurm.account);
  add_directive(text, "qos", slurm.qos);
  add_directive(text, "constraint", slurm.constraint);
  add_directive(text, "mem", slurm.mem);
  add_directive(text, "chdir", sbatch_path(job.directory.string(), "this directory"));
  const std::string log = job.log_directory / "slurm-";
  const std::string quoted = sbatch_path(log, "the directory of the logs");
  const std::string name = job.array_size > 0 ? "%A_%a.log" : "%j.log";
  // Inside the quotes, where there are some.
  const bool has_quotes = quoted.back() == '"';
  add_directive(text, "output",
                has_quotes ? quoted.substr(0, quoted.size() - 1) + name + '"' : quoted + name);
  if (job.array_size > 0) add_directive(text, "array", fmt::format("0-{}", job.array_size - 1));
  if (job.is_resumable) {
    add_directive(text, "open-mode", "append");
    add_directive(text, "signal", fmt::format("B:USR1@{}", slurm.signal_seconds));
    text += "#SBATCH --requeue\n";
  }
  for (const std::string& option : slurm.extra) text += fmt::format("#SBATCH {}\n", option);
  return text;
}

std::string setup(const SlurmConfig& slurm) {
  std::string text;
  for (const std::string& module : slurm.modules) {
    text += fmt::format("module load {}\n", shell_quoted(module));
  }
  for (const std::string& assignment : slurm.env) {
    const size_t equals = assignment.find('=');
    text += fmt::format("export {}={}\n", assignment.substr(0, equals),
                        shell_quoted(assignment.substr(equals + 1)));
  }
  return text;
}

// The template with each "@NAME@" replaced; its whole line where the value is empty.
std::string filled(std::string_view pattern, std::string_view name, std::string value) {
  std::string text(pattern);
  const size_t at = text.find(name);
  TEMPER_CHECK(at != text.npos, "the template has no {}", name);
  size_t length = name.size();
  if (value.empty() || value.back() == '\n') ++length;
  return text.replace(at, length, value);
}

}  // namespace

std::string render_batch_script(const BatchJob& job) {
  std::string command = shell_command(job.command);
  if (!job.command_tail.empty()) command += " " + job.command_tail;
  // The shell of a batch job knows `module` only where the login shell's setup reached it.
  const std::string profile =
      job.slurm.modules.empty() ? "" : "type module >/dev/null 2>&1 || . /etc/profile\n";
  // From the end: the first place of a name is then the template's, whatever the values hold.
  std::string text = filled(kBatchTemplate, "@COMMAND@", command);
  text = filled(text, "@SETUP@", setup(job.slurm));
  text = filled(text, "@PROFILE@", profile);
  return filled(text, "@DIRECTIVES@", directives(job));
}

std::string batch_job_name(const std::filesystem::path& path) {
  std::string name = "temper-" + path.filename().string();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
        std::string_view("._-").find(c) == std::string_view::npos) {
      c = '_';
    }
  }
  return name;
}

}  // namespace temper
