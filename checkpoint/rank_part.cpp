#include "checkpoint/rank_part.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "io/json.h"
#include "run/checkpoint/state_hash.h"

namespace temper {
namespace {

// The state hash of every replica, from their ranks' sums.
std::vector<Hash128> replica_hashes(const std::vector<RankPart>& parts,
                                    const CommitRecord& record) {
  std::vector<std::array<int64_t, 4>> limbs;
  for (const RankPart& part : parts) {
    const auto replica = static_cast<size_t>(part.replica);
    if (replica >= limbs.size()) limbs.resize(replica + 1);
    for (size_t i = 0; i < part.limbs.size(); ++i) limbs[replica][i] += part.limbs[i];
  }
  std::vector<Hash128> hashes;
  for (const auto& sum : limbs) {
    hashes.push_back(StateHasher::from_limbs(sum).finish(record.step, record.rows_consumed));
  }
  return hashes;
}

}  // namespace

void RankPart::fail(std::string message, bool fatal) {
  error = std::move(message);
  is_fatal = fatal;
}

std::string RankPart::to_text() const {
  const Json json = {{"replica", replica},      {"name", file.name},      {"size", file.size_bytes},
                     {"hash", file.hash.hex()}, {"limbs", limbs},         {"error", error},
                     {"fatal", is_fatal},       {"stall", stall_seconds}, {"write", write_seconds}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

RankPart RankPart::from_text(const std::string& text) {
  const Json json = parse_json(text, "a rank's part of a save");
  return {json.at("replica"),
          {json.at("name"), json.at("size"), Hash128::from_hex(json.at("hash").get<std::string>())},
          json.at("limbs"),
          json.at("error"),
          json.at("fatal"),
          json.at("stall"),
          json.at("write")};
}

void combine_parts(const std::vector<RankPart>& parts, CommitRecord& record, SaveOutcome& outcome) {
  record.files.clear();
  for (size_t rank = 0; rank < parts.size(); ++rank) {
    const RankPart& part = parts[rank];
    outcome.stall_seconds = std::max(outcome.stall_seconds, part.stall_seconds);
    outcome.write_seconds = std::max(outcome.write_seconds, part.write_seconds);
    outcome.bytes += part.file.size_bytes;
    if (!part.file.name.empty()) record.files.push_back(part.file);
    // The first error is shown, but a fatal one is shown rather than any that may pass.
    if (part.error.empty() || (!outcome.error.empty() && !part.is_fatal)) continue;
    outcome.error = rank == 0 ? part.error : fmt::format("rank {}: {}", rank, part.error);
    outcome.is_fatal = part.is_fatal;
  }
  if (!outcome.error.empty()) return;
  const std::vector<Hash128> hashes = replica_hashes(parts, record);
  record.state_hash = hashes.front();
  for (size_t replica = 1; replica < hashes.size(); ++replica) {
    if (hashes[replica] == hashes.front()) continue;
    // Replicas compute the same updates; going on would train two models.
    outcome.error = fmt::format(
        "step {}: replica {} holds other weights than replica 0 (state hash {} instead of {}); "
        "nothing was saved. Resume from the last checkpoint; if it happens again, look at the "
        "memory of that replica's nodes",
        record.step, replica, hashes[replica].hex(), hashes.front().hex());
    outcome.is_fatal = true;
  }
}

}  // namespace temper
