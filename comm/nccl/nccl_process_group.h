// The NCCL backend of ProcessGroup, for one GPU per rank.
#pragma once

#include <memory>

#include "comm/process_group.h"

namespace temper {

// A group of the ranks of `control`, which stays in charge of host tensors, texts and node-shared
// memory and brings NCCL's id to all ranks. CUDA tensors go through NCCL on a stream of its own,
// which waits for what the current stream of `device` has been given before an operation; the
// current stream waits for the operation, or for a gather when its wait() is called. Throws
// SystemError where NCCL cannot start (two ranks on one GPU, for instance), UserError in a build
// without CUDA. Collective.
std::unique_ptr<ProcessGroup> make_nccl_process_group(std::unique_ptr<ProcessGroup> control,
                                                      int device);

}  // namespace temper
