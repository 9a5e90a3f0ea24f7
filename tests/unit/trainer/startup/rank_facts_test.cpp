#include "trainer/startup/rank_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixtures/names.h"

namespace temper {
namespace {

// Two nodes of two ranks, in order.
std::vector<RankFacts> sound_ranks() {
  std::vector<RankFacts> ranks(4);
  for (int rank = 0; rank < 4; ++rank) {
    RankFacts& facts = ranks[static_cast<size_t>(rank)];
    facts.rank = rank;
    facts.host = rank < 2 ? "node1" : "node2";
    facts.program_hash = "p";
    facts.config_hash = "c";
    facts.dataset_hash = "d";
    facts.cpus = {2 * (rank % 2), 2 * (rank % 2) + 1};
    facts.threads = 2;
    facts.clock_seconds = 1000.0;
    facts.free_bytes = int64_t{1} << 40;
    facts.link_bytes_per_second = 1e9;
  }
  return ranks;
}

// The one finding that a change of rank 2 leads to.
Finding finding_of(void (*change)(RankFacts&)) {
  std::vector<RankFacts> ranks = sound_ranks();
  change(ranks[2]);
  const std::vector<Finding> findings = judge_ranks(ranks, {});
  EXPECT_EQ(findings.size(), 1u);
  return findings.empty() ? Finding{} : findings.front();
}

TEST(RankFacts, sound_ranks_have_no_findings) {
  EXPECT_TRUE(judge_ranks(sound_ranks(), {}).empty());
  PreflightLimits limits;
  limits.slurm_tasks = 4;
  EXPECT_TRUE(judge_ranks(sound_ranks(), limits).empty());
}

TEST(RankFacts, what_differs_is_fatal_and_names_the_node) {
  Finding finding = finding_of([](RankFacts& rank) { rank.program_hash = "x"; });
  EXPECT_TRUE(finding.is_fatal);
  EXPECT_THAT(finding.text, names("temper-rank", "node2"));
  finding = finding_of([](RankFacts& rank) { rank.config_hash = "x"; });
  EXPECT_TRUE(finding.is_fatal);
  EXPECT_THAT(finding.text, names("RUN.yaml"));
  finding = finding_of([](RankFacts& rank) { rank.dataset_hash = "x"; });
  EXPECT_TRUE(finding.is_fatal);
  finding = finding_of([](RankFacts& rank) { rank.wrong_collectives = {"broadcast of 4 bytes"}; });
  EXPECT_TRUE(finding.is_fatal);
  EXPECT_THAT(finding.text, names("rank 2 on node2", "broadcast"));
}

TEST(RankFacts, what_is_poor_is_a_warning_and_names_the_node) {
  Finding finding = finding_of([](RankFacts& rank) { rank.link_bytes_per_second = 12e6; });
  EXPECT_FALSE(finding.is_fatal);
  EXPECT_THAT(finding.text, names("rank 2 on node2", "12 MB/s", "rank 1 on node1"));
  finding = finding_of([](RankFacts& rank) { rank.clock_seconds += 5; });
  EXPECT_THAT(finding.text, names("clock of node2", "+5.0 s"));
  finding = finding_of([](RankFacts& rank) { rank.free_bytes = int64_t{5} << 20; });
  EXPECT_THAT(finding.text, names("rank 2 on node2", "5 MiB"));
  finding = finding_of([](RankFacts& rank) { rank.has_file_locks = false; });
  EXPECT_THAT(finding.text, names("rank 2 on node2", "file locks"));
  EXPECT_FALSE(finding.is_fatal);
}

TEST(RankFacts, ranks_that_share_too_few_cores) {
  std::vector<RankFacts> ranks = sound_ranks();
  ranks[1].cpus = ranks[0].cpus;  // bound to the same two
  std::vector<Finding> findings = judge_ranks(ranks, {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].text, "the ranks on node1 have 4 threads for 2 cores");
  ranks = sound_ranks();
  ranks[3].cpus = {0};
  findings = judge_ranks(ranks, {});
  ASSERT_FALSE(findings.empty());
  EXPECT_THAT(findings[0].text, names("rank 3 on node2", "2 threads", "1 cores"));
}

TEST(RankFacts, tasks_of_the_allocation) {
  PreflightLimits limits;
  limits.slurm_tasks = 8;
  const std::vector<Finding> findings = judge_ranks(sound_ranks(), limits);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].text, "4 ranks, but the allocation has 8 tasks (SLURM_NTASKS)");
}

TEST(RankFacts, json_round_trip) {
  RankFacts facts = sound_ranks()[3];
  facts.wrong_collectives = {"broadcast"};
  facts.has_file_locks = false;
  facts.clock_spread = 0.25;
  EXPECT_EQ(RankFacts::from_json(facts.to_json()).to_json(), facts.to_json());
  EXPECT_EQ(RankFacts::from_json(facts.to_json()).cpus, facts.cpus);
}

}  // namespace
}  // namespace temper
