#include "trainer/commands/command_line.h"

#include <iostream>

#include "comm/agreement.h"
#include "common/error.h"

namespace temper {

namespace po = boost::program_options;

po::variables_map parse_command_line(const std::vector<std::string>& arguments,
                                     const po::options_description& options,
                                     const std::vector<std::string>& positional) {
  po::positional_options_description bare;
  for (const std::string& name : positional) bare.add(name.c_str(), 1);
  po::variables_map values;
  try {
    po::store(po::command_line_parser(arguments).options(options).positional(bare).run(), values);
    po::notify(values);
  } catch (const po::error& error) {
    throw UserError("{} (see --help)", error.what());
  }
  return values;
}

void print_help(const std::string& usage, const po::options_description& options) {
  std::cout << "Usage: " << usage << "\n\n" << options;
}

void run_on_rank_0(ProcessGroup& group, const std::vector<std::string>& arguments,
                   const std::string& usage, const po::options_description& options,
                   const std::function<void(const po::variables_map&)>& work) {
  run_agreed(group, [&] {
    if (group.rank() != 0) return;
    const po::variables_map values = parse_command_line(arguments, options, {});
    if (values.count("help") != 0) {
      print_help(usage, options);
    } else {
      work(values);
    }
  });
}

}  // namespace temper
