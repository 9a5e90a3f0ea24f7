#include "trainer/startup/rank_facts.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/ranges.h>

#include "common/error.h"

namespace temper {
namespace {

std::string name_of(const RankFacts& rank) {
  return fmt::format("rank {} on {}", rank.rank, rank.host);
}

class Judge {
 public:
  Judge(const std::vector<RankFacts>& ranks, const PreflightLimits& limits)
      : ranks_(ranks), limits_(limits) {}

  std::vector<Finding> judge() {
    check_world();
    check_same(&RankFacts::program_hash, "temper-rank itself",
               "the nodes do not run the same program: install one for all");
    check_same(&RankFacts::config_hash, "the configuration",
               "RUN.yaml is not the same file on all nodes");
    check_same(&RankFacts::dataset_hash, "the datasets",
               "copy them again, or use one file system for all nodes");
    for (const RankFacts& rank : ranks_) check_rank(rank);
    check_binding();
    check_clocks();
    return std::move(findings_);
  }

 private:
  template <typename... Args>
  void fatal(fmt::format_string<Args...> format, Args&&... args) {
    findings_.push_back({true, fmt::format(format, std::forward<Args>(args)...)});
  }
  template <typename... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) {
    findings_.push_back({false, fmt::format(format, std::forward<Args>(args)...)});
  }

  void check_world() {
    const auto size = static_cast<int64_t>(ranks_.size());
    if (limits_.slurm_tasks > 0 && size != limits_.slurm_tasks) {
      warn("{} ranks, but the allocation has {} tasks (SLURM_NTASKS)", size, limits_.slurm_tasks);
    }
  }

  void check_same(std::string RankFacts::*field, const char* what, const char* remedy) {
    std::set<std::string> hosts;
    for (const RankFacts& rank : ranks_) {
      if (rank.*field != ranks_.front().*field) hosts.insert(rank.host);
    }
    if (hosts.empty()) return;
    fatal("{} differs on {} from that of rank 0 on {}: {}", what, fmt::join(hosts, ", "),
          ranks_.front().host, remedy);
  }

  void check_rank(const RankFacts& rank) {
    if (!rank.wrong_collectives.empty()) {
      fatal("{} got wrong values from {}: its network or its MPI cannot be trusted", name_of(rank),
            fmt::join(rank.wrong_collectives, ", "));
    }
    const size_t index = static_cast<size_t>(rank.rank);
    const RankFacts& before = ranks_[(index + ranks_.size() - 1) % ranks_.size()];
    // Within a node it is memory, which only waits for its turn on busy cores.
    if (rank.host != before.host &&
        rank.link_bytes_per_second < limits_.min_link_bytes_per_second) {
      warn("{} receives {:.0f} MB/s from {}; expected at least {:.0f}", name_of(rank),
           rank.link_bytes_per_second / 1e6, name_of(before),
           limits_.min_link_bytes_per_second / 1e6);
    }
    if (rank.free_bytes >= 0 && rank.free_bytes < limits_.min_free_bytes) {
      warn("{} has {} MiB free where the run writes", name_of(rank), rank.free_bytes >> 20);
    }
    if (!rank.has_file_locks) {
      warn("{}: no file locks where the run writes; see to it that only one job trains there",
           name_of(rank));
    }
  }

  // Ranks of a node share its cores; one that is bound to fewer than its threads takes turns.
  void check_binding() {
    std::map<std::string, std::set<int>> cpus;
    std::map<std::string, int64_t> threads;
    for (const RankFacts& rank : ranks_) {
      if (rank.threads > static_cast<int64_t>(rank.cpus.size())) {
        warn("{} has {} threads but may use {} cores only", name_of(rank), rank.threads,
             rank.cpus.size());
      }
      cpus[rank.host].insert(rank.cpus.begin(), rank.cpus.end());
      threads[rank.host] += rank.threads;
    }
    for (const auto& [host, wanted] : threads) {
      const auto there = static_cast<int64_t>(cpus[host].size());
      if (wanted > there) warn("the ranks on {} have {} threads for {} cores", host, wanted, there);
    }
  }

  void check_clocks() {
    std::vector<double> clocks;
    for (const RankFacts& rank : ranks_) clocks.push_back(rank.clock_seconds);
    std::nth_element(clocks.begin(), clocks.begin() + static_cast<long>(clocks.size() / 2),
                     clocks.end());
    const double middle = clocks[clocks.size() / 2];
    std::set<std::string> told;
    for (const RankFacts& rank : ranks_) {
      const double skew = rank.clock_seconds - middle;
      if (std::abs(skew) <= limits_.max_clock_skew_seconds + rank.clock_spread) continue;
      if (told.insert(rank.host).second) {
        warn("the clock of {} is {:+.1f} s from the others'", rank.host, skew);
      }
    }
  }

  const std::vector<RankFacts>& ranks_;
  const PreflightLimits& limits_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string RankFacts::to_json() const {
  return Json{{"rank", rank},
              {"host", host},
              {"program_hash", program_hash},
              {"config_hash", config_hash},
              {"dataset_hash", dataset_hash},
              {"cpus", cpus},
              {"threads", threads},
              {"clock_seconds", clock_seconds},
              {"clock_spread", clock_spread},
              {"free_bytes", free_bytes},
              {"has_file_locks", has_file_locks},
              {"wrong_collectives", wrong_collectives},
              {"link_bytes_per_second", link_bytes_per_second}}
      .dump();
}

RankFacts RankFacts::from_json(const std::string& text) {
  const Json json = parse_json(text, "facts of a rank");
  RankFacts facts;
  facts.rank = json.at("rank").get<int>();
  facts.host = json.at("host").get<std::string>();
  facts.program_hash = json.at("program_hash").get<std::string>();
  facts.config_hash = json.at("config_hash").get<std::string>();
  facts.dataset_hash = json.at("dataset_hash").get<std::string>();
  facts.cpus = json.at("cpus").get<std::vector<int>>();
  facts.threads = json.at("threads").get<int64_t>();
  facts.clock_seconds = json.at("clock_seconds").get<double>();
  facts.clock_spread = json.at("clock_spread").get<double>();
  facts.free_bytes = json.at("free_bytes").get<int64_t>();
  facts.has_file_locks = json.at("has_file_locks").get<bool>();
  facts.wrong_collectives = json.at("wrong_collectives").get<std::vector<std::string>>();
  facts.link_bytes_per_second = json.at("link_bytes_per_second").get<double>();
  return facts;
}

std::vector<Finding> judge_ranks(const std::vector<RankFacts>& ranks,
                                 const PreflightLimits& limits) {
  TEMPER_CHECK(!ranks.empty());
  return Judge(ranks, limits).judge();
}

}  // namespace temper
