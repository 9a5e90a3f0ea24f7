#include "launcher/ranks/rank_launch.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <numeric>
#include <string_view>

#include "common/error.h"
#include "launcher/ranks/hostfile.h"
#include "launcher/ranks/mpirun_command.h"
#include "launcher/ranks/mpirun_daemon.h"
#include "launcher/ranks/process.h"
#include "launcher/ranks/srun_command.h"

namespace temper {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// 0 for anything but a plain positive number ("4(x2)" has no one number).
int number_in(const char* name) {
  const std::string text = variable(name);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0 ? number : 0;
}

std::string find_starter() {
  if (!variable("OMPI_COMM_WORLD_SIZE").empty()) return "mpirun";
  // A batch script has no step; `srun temper` has one, with as many copies as it has tasks.
  if (!variable("SLURM_STEP_ID").empty() && number_in("SLURM_STEP_NUM_TASKS") > 1) return "srun";
  return "";
}

// mpirun fills one node's slots after the other; what they have no room for it deals out evenly.
int most_with_mpirun(const std::vector<int>& slots, int num_ranks) {
  int most = 0;
  int left = num_ranks;
  for (const int on_node : slots) {
    most = std::max(most, std::min(on_node, left));
    left -= std::min(on_node, left);
  }
  const int nodes = std::max<int>(1, static_cast<int>(slots.size()));
  return most + (left + nodes - 1) / nodes;
}

// srun deals ranks out evenly, unless they are as many as the allocation has tasks.
int most_with_srun(const std::vector<int>& tasks, int num_ranks) {
  if (tasks.empty()) return num_ranks;
  if (num_ranks == std::accumulate(tasks.begin(), tasks.end(), 0)) {
    return *std::max_element(tasks.begin(), tasks.end());
  }
  const int nodes = static_cast<int>(tasks.size());
  return (num_ranks + nodes - 1) / nodes;
}

std::string find_pmix_plugin() {
  if (find_program("srun").empty()) return "";
  const CapturedProcess listed =
      run_captured({"srun", "--mpi=list"}, "", {}, std::chrono::seconds(20));
  // Which stream it is printed to differs between versions.
  return choose_pmix_plugin(listed.standard_output + "\n" + listed.standard_error);
}

}  // namespace

LaunchEnvironment read_launch_environment(const std::string& hostfile) {
  LaunchEnvironment environment;
  environment.is_root = geteuid() == 0;
  environment.started_by = find_starter();
  environment.in_slurm_allocation = !variable("SLURM_JOB_ID").empty();
  if (environment.in_slurm_allocation) {
    environment.slurm_tasks = number_in("SLURM_NTASKS");
    environment.slurm_tasks_per_node = tasks_per_node_in(variable("SLURM_TASKS_PER_NODE"));
    environment.slurm_cpus_per_task = number_in("SLURM_CPUS_PER_TASK");
    environment.pmix_plugin = find_pmix_plugin();
    environment.launch_agent = mpirun_launch_agent();
  }
  environment.hostfile = hostfile;
  if (!hostfile.empty()) {
    for (const HostSlots& host : read_hostfile(hostfile, num_physical_cores())) {
      environment.hostfile_slots.push_back(host.slots);
    }
  }
  return environment;
}

std::vector<int> tasks_per_node_in(std::string_view text) {
  constexpr int kMaxNodes = 1 << 20;
  std::vector<int> tasks;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const char* const end = part.data() + part.size();
    int number = 0;
    int nodes = 1;
    auto [stop, error] = std::from_chars(part.data(), end, number);
    if (error != std::errc() || number < 1) return {};
    if (stop != end) {
      if (end - stop < 4 || stop[0] != '(' || stop[1] != 'x' || end[-1] != ')') return {};
      const auto [last, fault] = std::from_chars(stop + 2, end - 1, nodes);
      if (fault != std::errc() || last != end - 1 || nodes < 1 || nodes > kMaxNodes) return {};
    }
    tasks.insert(tasks.end(), static_cast<size_t>(nodes), number);
  }
  return tasks;
}

RankLaunch plan_launch(const LaunchEnvironment& environment, LauncherChoice choice, int num_ranks,
                       const std::vector<std::string>& rank_command) {
  if (!environment.started_by.empty()) {
    throw UserError(
        "temper starts the ranks itself, but {} has started several copies of it: call it once, or "
        "start the ranks by hand with {} and temper-rank",
        environment.started_by, environment.started_by);
  }
  RankLaunch launch;
  launch.allocated_tasks = environment.slurm_tasks;
  const bool has_hostfile = !environment.hostfile.empty();
  const std::vector<int>& slots =
      has_hostfile ? environment.hostfile_slots : environment.slurm_tasks_per_node;
  const int room =
      has_hostfile ? std::accumulate(slots.begin(), slots.end(), 0) : environment.slurm_tasks;
  launch.num_ranks = num_ranks > 0 ? num_ranks : std::max(1, room);
  if (has_hostfile && choice == LauncherChoice::kSrun) {
    throw UserError("--hostfile is for mpirun; srun takes the allocation's nodes");
  }
  const bool srun_works = environment.in_slurm_allocation && !environment.pmix_plugin.empty();
  const char* const obstacle = environment.in_slurm_allocation
                                   ? "this srun has no PMIx plugin (srun --mpi=list)"
                                   : "this is no Slurm allocation";
  if (choice == LauncherChoice::kSrun && !srun_works) {
    throw UserError("--launcher srun: {}", obstacle);
  }
  if (launch.num_ranks == 1 && choice == LauncherChoice::kAuto && !has_hostfile) {
    launch.command = rank_command;
    return launch;
  }
  const bool with_srun = srun_works && choice != LauncherChoice::kMpirun && !has_hostfile;
  if (environment.in_slurm_allocation && choice == LauncherChoice::kAuto && !has_hostfile) {
    launch.reason = fmt::format("starting {} ranks with {}", launch.num_ranks,
                                with_srun ? "srun: it has the plugin " + environment.pmix_plugin
                                          : std::string("mpirun: ") + obstacle);
  }
  if (with_srun) {
    launch.kind = RankLaunch::Kind::kSrun;
    launch.ranks_per_node = most_with_srun(slots, launch.num_ranks);
    launch.command = srun_command({.num_ranks = launch.num_ranks,
                                   .mpi_plugin = environment.pmix_plugin,
                                   .cpus_per_task = environment.slurm_cpus_per_task},
                                  rank_command);
    return launch;
  }
  launch.kind = RankLaunch::Kind::kMpirun;
  launch.ranks_per_node = most_with_mpirun(slots, launch.num_ranks);
  launch.command = mpirun_command({.num_ranks = launch.num_ranks,
                                   .num_allocated_tasks = room,
                                   .launch_agent = environment.launch_agent,
                                   .is_root = environment.is_root,
                                   .hostfile = environment.hostfile},
                                  rank_command);
  return launch;
}

std::vector<std::string> rank_command(const SlurmConfig& slurm,
                                      const std::vector<std::string>& arguments) {
  std::vector<std::string> command;
  if (slurm.container.empty()) {
    command = {find_rank_program().string()};
  } else {
    command = {"apptainer", "exec"};
    if (slurm.gpus_per_node > 0) command.push_back("--nv");
    command.insert(command.end(), {slurm.container, "temper-rank"});
  }
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

std::filesystem::path find_own_program() {
  return std::filesystem::read_symlink("/proc/self/exe");
}

std::filesystem::path find_rank_program() {
  namespace fs = std::filesystem;
  const std::string named = variable("TEMPER_RANK");
  const fs::path program =
      named.empty() ? find_own_program().parent_path() / "temper-rank" : fs::absolute(named);
  if (access(program.c_str(), X_OK) != 0) {
    throw SystemError(
        "{} cannot be executed ({}): temper-rank belongs beside temper; the variable TEMPER_RANK "
        "names another place",
        program.string(), errno_text(errno));
  }
  return program;
}

void become_rank_program(const std::vector<std::string>& arguments) {
  std::vector<std::string> texts = {find_rank_program().string()};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  become_program(texts);
}

}  // namespace temper
