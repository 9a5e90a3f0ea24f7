// Parsing of a temper-rank command's arguments.
#pragma once

#include <boost/program_options.hpp>

#include <string>
#include <vector>

namespace temper {

// `positional` names the options that bare arguments fill, one each. What is wrong with the
// arguments is a UserError that says where help is.
boost::program_options::variables_map parse_command_line(
    const std::vector<std::string>& arguments,
    const boost::program_options::options_description& options,
    const std::vector<std::string>& positional);

}  // namespace temper
