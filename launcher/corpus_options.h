// Options that `temper pack` and `temper check` share: which records, and what hygiene does.
#pragma once

#include "common/cli/command_line.h"
#include "data/hygiene/corpus_options.h"
#include "data/hygiene/hygiene.h"

namespace temper {

CorpusOptions read_corpus_options(const CommandLine& line);
HygieneOptions read_hygiene_options(const CommandLine& line);

}  // namespace temper
