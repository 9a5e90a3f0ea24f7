// Options that `temper pack` and `temper check` share: which records, and what hygiene does.
#pragma once

#include "data/hygiene/corpus_options.h"
#include "data/hygiene/hygiene.h"
#include "launcher/command_line.h"

namespace temper {

void declare_corpus_options(CommandLine& line);
void declare_hygiene_options(CommandLine& line);

CorpusOptions read_corpus_options(const CommandLine& line);
HygieneOptions read_hygiene_options(const CommandLine& line);

}  // namespace temper
