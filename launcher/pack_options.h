// The options of `temper pack`: for itself, and for `temper submit`, which has to know what the
// command will do that it gives to Slurm.
#pragma once

#include "common/cli/command_line.h"
#include "data/packing/pack_corpus.h"

namespace temper {

// UserError for what does not fit together; reads no file. `line` is of the command pack.
PackOptions read_pack_options(const CommandLine& line);

}  // namespace temper
