// The options of `temper pack`: for itself, and for `temper submit`, which has to know what the
// command will do that it gives to Slurm.
#pragma once

#include "data/packing/pack_corpus.h"
#include "launcher/command_line.h"

namespace temper {

// With everything declared and nothing parsed.
CommandLine pack_command_line();
// Of a line that was parsed. UserError for what does not fit together; reads no file.
PackOptions read_pack_options(const CommandLine& line);

}  // namespace temper
