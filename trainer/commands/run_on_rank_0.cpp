#include "comm/agreement.h"
#include "common/error.h"
#include "trainer/commands/commands.h"

namespace temper {

int run_on_rank_0(ProcessGroup& group, const std::function<void()>& work) {
  run_agreed(group, [&] {
    if (group.rank() == 0) work();
  });
  return kExitDone;
}

}  // namespace temper
