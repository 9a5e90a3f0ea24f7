// Errors that every rank learns of. One rank may meet a missing file or a full disk while the
// others do not; a rank that threw alone would leave the others waiting in the next collective.
#pragma once

#include <functional>
#include <string>

#include "comm/process_group.h"

namespace temper {

// Runs `work`, which must contain no collectives, and compares notes: when it threw an Error on any
// rank, all ranks throw an AgreedError with the lowest such rank's message. Collective.
void run_agreed(ProcessGroup& group, const std::function<void()>& work);

}  // namespace temper
