#include <algorithm>

#include "comm/watch/watchdog.h"

namespace temper {
namespace {

// Reading a base or writing a checkpoint may take long for good reasons.
constexpr double kPatienceWithFiles = 3.0;
// A rank that only waits says so later than one that can name the cause, and later than mpirun
// needs to end all.
constexpr double kPatienceWithWaiting = 1.25;
constexpr double kMorePatience = 5;  // at least so many seconds

bool is_watched(const StallJudge::View& view) {
  return view.phase != RankPhase::kAbsent && view.phase != RankPhase::kLeft;
}

}  // namespace

double StallJudge::limit(RankPhase phase) const {
  const bool has_files = phase == RankPhase::kLoad || phase == RankPhase::kSave;
  return has_files ? kPatienceWithFiles * stall_seconds_ : stall_seconds_;
}

void StallJudge::forgive() {
  for (Record& record : records_) record.without_progress = record.without_ticks = 0;
}

std::optional<StallJudge::Verdict> StallJudge::look(const std::vector<View>& views,
                                                    double seconds) {
  records_.resize(views.size());
  std::optional<Verdict> stopped, stuck;
  for (size_t i = 0; i < views.size(); ++i) {
    const View& view = views[i];
    Record& record = records_[i];
    const bool got_on = !is_watched(view) || view.progress != record.progress;
    const bool runs = !is_watched(view) || view.ticks != record.ticks;
    record.without_progress = got_on ? 0 : record.without_progress + seconds;
    record.without_ticks = runs ? 0 : record.without_ticks + seconds;
    record.progress = view.progress;
    record.ticks = view.ticks;
    if (!is_watched(view)) continue;
    if (view.is_gone) return Verdict{Kind::kDied, i, record.without_progress};
    const double idle = std::min(record.without_progress, record.without_ticks);
    if (idle > stall_seconds_ && (!stopped || idle > stopped->seconds)) {
      stopped = Verdict{Kind::kStopped, i, idle};
    }
    if (view.operation == Operation::kNone && record.without_progress > limit(view.phase) &&
        (!stuck || view.operations < views[stuck->member].operations)) {
      stuck = Verdict{Kind::kStuck, i, record.without_progress};
    }
  }
  if (stopped) return stopped;
  return stuck ? stuck : judge_waiting(views);
}

// Judges a node of which every rank is in an operation and none has got on: the rank that has begun
// the fewest operations holds the others up. All ranks call collectives in the same order, so their
// numbers of begun operations can be compared; those of one communicator alone could not.
std::optional<StallJudge::Verdict> StallJudge::judge_waiting(const std::vector<View>& views) const {
  std::optional<size_t> first, last;  // in the order of their progress
  for (size_t i = 0; i < views.size(); ++i) {
    const View& view = views[i];
    if (!is_watched(view)) continue;
    const double limit_here = limit(view.phase);
    const double patience = std::max(kPatienceWithWaiting * limit_here, limit_here + kMorePatience);
    if (view.operation == Operation::kNone || records_[i].without_progress <= patience) {
      return std::nullopt;
    }
    if (!last || view.operations < views[*last].operations) last = i;
    if (!first || view.operations > views[*first].operations) first = i;
  }
  if (!last) return std::nullopt;
  const bool same = views[*first].operations == views[*last].operations;
  return Verdict{same ? Kind::kWaits : Kind::kBehind, *last, records_[*last].without_progress};
}

}  // namespace temper
