#include "data/packing/pack_corpus.h"

#include <iostream>

#include "launcher/pack_options.h"
#include "launcher/report.h"

namespace temper {

int pack_command(const Arguments& arguments) {
  CommandLine line = pack_command_line();
  if (!line.parse(arguments)) return kExitDone;

  const PackReport report = pack_corpus(read_pack_options(line));
  if (line.has("json")) {
    print_report(report.to_json(), true);
  } else {
    std::cout << report.to_text();
  }
  return kExitDone;
}

}  // namespace temper
