#include "data/packing/pack_corpus.h"

#include <iostream>

#include "launcher/commands/commands.h"
#include "launcher/pack_options.h"
#include "launcher/print_report.h"

namespace temper {

int pack_command(const CommandLine& line) {
  const PackReport report = pack_corpus(read_pack_options(line));
  if (line.has("json")) {
    print_report(report.to_json(), true);
  } else {
    std::cout << report.to_text();
  }
  return kExitDone;
}

}  // namespace temper
