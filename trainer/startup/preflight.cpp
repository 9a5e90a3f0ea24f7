#include "trainer/startup/preflight.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "comm/agreement.h"
#include "comm/collective_check.h"
#include "common/error.h"
#include "common/hash.h"
#include "common/host.h"
#include "common/log.h"
#include "config/resolved_config.h"
#include "data/dataset/packed_dataset.h"
#include "io/atomic_file.h"
#include "io/free_space.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

const std::vector<int64_t> kCollectiveBytes = {4, 64 << 10, 4 << 20};
constexpr int64_t kLinkBytes = 4 << 20;

std::string hash_own_program() {
  const FileDescriptor fd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  StreamHasher hasher;
  std::vector<char> block(size_t{1} << 20);
  ssize_t count = 0;
  while ((count = read(fd.get(), block.data(), block.size())) > 0) {
    hasher.update(block.data(), static_cast<size_t>(count));
  }
  return hasher.digest().hex();
}

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

double utc_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

bool has_file_locks(const fs::path& directory) {
  const FileDescriptor fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return true;  // another problem, which is found where it matters
  return flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno == EWOULDBLOCK || errno == EINTR;
}

std::string hash_datasets(const RunConfig& config) {
  StreamHasher hasher;
  for (const auto* entries : {&config.datasets, &config.test_datasets, &config.general_datasets}) {
    for (const DatasetEntry& entry : *entries) {
      const Hash128 hash = PackedDataset(entry.path).info().content_hash;
      hasher.update(&hash, sizeof hash);
    }
  }
  return hasher.digest().hex();
}

void look_at_run(const RunConfig& config, RankFacts& facts) {
  facts.config_hash = hash_text(resolved_yaml(config)).hex();
  facts.dataset_hash = hash_datasets(config);
  facts.threads = config.threads_per_rank;
  facts.free_bytes = static_cast<int64_t>(free_bytes(config.output_dir));
  facts.has_file_locks = has_file_locks(nearest_directory(config.output_dir));
}

// All ranks read their clocks after the same barrier, within what the next barrier took at most.
void read_clocks(ProcessGroup& group, RankFacts& facts) {
  group.barrier();
  const auto start = std::chrono::steady_clock::now();
  facts.clock_seconds = utc_seconds();
  group.barrier();
  facts.clock_spread =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Under mpirun, SLURM_NTASKS is the number of mpirun's own daemons.
int64_t slurm_tasks() {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr) return 0;
  const char* text = std::getenv("SLURM_NTASKS");
  return text == nullptr ? 0 : std::atoll(text);
}

}  // namespace

bool PreflightReport::has_failed() const {
  for (const Finding& finding : findings) {
    if (finding.is_fatal) return true;
  }
  return false;
}

OrderedJson PreflightReport::to_json() const {
  OrderedJson report = {{"ready", !has_failed()}, {"ranks", ranks.size()}};
  for (const char* kind : {"problems", "warnings"}) report[kind] = OrderedJson::array();
  for (const Finding& finding : findings) {
    report[finding.is_fatal ? "problems" : "warnings"].push_back(finding.text);
  }
  report["nodes"] = OrderedJson::array();
  for (const RankFacts& rank : ranks) {
    report["nodes"].push_back({{"rank", rank.rank},
                               {"host", rank.host},
                               {"cores", rank.cpus.size()},
                               {"link_megabytes_per_second", rank.link_bytes_per_second / 1e6},
                               {"free_gibibytes", static_cast<double>(rank.free_bytes) /
                                                      static_cast<double>(int64_t{1} << 30)}});
  }
  return report;
}

PreflightReport run_preflight(const RunConfig* config, ProcessGroup& group) {
  RankFacts facts;
  run_agreed(group, [&] {
    facts.rank = group.rank();
    facts.host = host_name();
    facts.program_hash = hash_own_program();
    facts.cpus = allowed_cpus();
    if (config != nullptr) look_at_run(*config, facts);
  });
  for (const CollectiveCheck& check : check_collectives(group, kCollectiveBytes)) {
    for (const std::string& operation : check.wrong) {
      facts.wrong_collectives.push_back(fmt::format("{} of {} bytes", operation, check.num_bytes));
    }
  }
  facts.link_bytes_per_second = measure_link(group, kLinkBytes);
  read_clocks(group, facts);
  PreflightReport report;
  for (const std::string& text : group.all_gather_text(facts.to_json())) {
    report.ranks.push_back(RankFacts::from_json(text));
  }
  PreflightLimits limits;
  limits.slurm_tasks = slurm_tasks();
  report.findings = judge_ranks(report.ranks, limits);
  return report;
}

void require_preflight(const RunConfig& config, ProcessGroup& group) {
  const PreflightReport report = run_preflight(&config, group);
  std::string problems;
  for (const Finding& finding : report.findings) {
    if (finding.is_fatal) {
      problems += (problems.empty() ? "" : "; ") + finding.text;
    } else {
      log::warning("{}", finding.text);
    }
  }
  if (!problems.empty()) throw AgreedError(problems, kExitFailed);
}

}  // namespace temper
