#include "comm/agreement.h"

#include <vector>

namespace temper {

void run_agreed(ProcessGroup& group, const std::function<void()>& work) {
  // "<exit code>:<message>", or empty when all went well.
  std::string mine;
  try {
    work();
  } catch (const Error& error) {
    mine = fmt::format("{}:{}", error.exit_code(), error.what());
  } catch (const std::exception& error) {
    mine = fmt::format("{}:{}", kExitFailed, error.what());
  }
  const std::vector<std::string> outcomes = group.all_gather_text(mine);
  for (size_t rank = 0; rank < outcomes.size(); ++rank) {
    if (outcomes[rank].empty()) continue;
    const size_t colon = outcomes[rank].find(':');
    const std::string message = outcomes[rank].substr(colon + 1);
    throw AgreedError(rank == 0 ? message : fmt::format("rank {}: {}", rank, message),
                      std::stoi(outcomes[rank].substr(0, colon)));
  }
}

}  // namespace temper
