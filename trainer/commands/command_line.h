// Parsing of a temper-rank command's arguments.
#pragma once

#include <boost/program_options.hpp>

#include <functional>
#include <string>
#include <vector>

#include "comm/process_group.h"

namespace temper {

// `positional` names the options that bare arguments fill, one each. What is wrong with the
// arguments is a UserError that says where help is.
boost::program_options::variables_map parse_command_line(
    const std::vector<std::string>& arguments,
    const boost::program_options::options_description& options,
    const std::vector<std::string>& positional);

// Columns of a help text, and of the descriptions in it; for options_description.
constexpr unsigned kHelpWidth = 98;
constexpr unsigned kHelpTextWidth = 60;

// "Usage: ..." and the options, to standard output.
void print_help(const std::string& usage,
                const boost::program_options::options_description& options);

// A command that is one rank's work, whatever the number of ranks: rank 0 parses the arguments,
// prints the help or calls `work`. Collective: all ranks share its errors.
void run_on_rank_0(ProcessGroup& group, const std::vector<std::string>& arguments,
                   const std::string& usage,
                   const boost::program_options::options_description& options,
                   const std::function<void(const boost::program_options::variables_map&)>& work);

}  // namespace temper
