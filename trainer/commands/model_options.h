// What the options mean that eval, generate, export and score share.
#pragma once

#include <cstdint>

#include "common/cli/command_line.h"
#include "eval/model_loader.h"

namespace temper {

// --chat-template and --chat-template-kwargs, into `request`.
void read_template_options(const CommandLine& line, ModelRequest& request);

// --model, --adapter, those of a template, and MODEL.
ModelRequest model_request(const CommandLine& line);

// The device that --device means for a rank.
ComputeDevice compute_device(const CommandLine& line, int node_rank);

// --threads, or num_available_cpus() where it has no default; UserError for a number that is none
// of threads.
int64_t thread_count(const CommandLine& line);

// CPUs that this process may run on: as many threads as it is good to use.
int64_t num_available_cpus();

}  // namespace temper
