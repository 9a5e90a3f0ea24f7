#include "model/non_finite_tensors.h"

#include <mutex>
#include <set>

#include "common/finite.h"
#include "common/log.h"

namespace temper {
namespace {

constexpr size_t kNamesShown = 3;

}  // namespace

struct NonFiniteTensors::Found {
  std::mutex mutex;
  std::set<std::string> names;
};

NonFiniteTensors::NonFiniteTensors() : found_(std::make_unique<Found>()) {}
NonFiniteTensors::~NonFiniteTensors() = default;
NonFiniteTensors::NonFiniteTensors(NonFiniteTensors&&) noexcept = default;
NonFiniteTensors& NonFiniteTensors::operator=(NonFiniteTensors&&) noexcept = default;

void NonFiniteTensors::look(const std::string& name, const float* values, int64_t count) const {
  if (all_finite(values, count)) return;
  const std::lock_guard<std::mutex> lock(found_->mutex);
  found_->names.insert(name);
}

std::vector<std::string> NonFiniteTensors::names() const {
  const std::lock_guard<std::mutex> lock(found_->mutex);
  return {found_->names.begin(), found_->names.end()};
}

void warn_of_non_finite(const std::string& place, const std::vector<std::string>& names) {
  if (names.empty()) return;
  const std::vector<std::string> shown(
      names.begin(), names.begin() + static_cast<int64_t>(std::min(names.size(), kNamesShown)));
  log::warning("{}: {} holds numbers that are NaN or infinite{}: the model's answers will be, too",
               place, fmt::join(shown, ", "),
               names.size() > kNamesShown
                   ? fmt::format(" (and {} more tensors)", names.size() - kNamesShown)
                   : "");
}

}  // namespace temper
