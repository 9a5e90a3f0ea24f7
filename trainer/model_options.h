// The options by which eval and generate name a model.
#pragma once

#include <boost/program_options.hpp>

#include "eval/load_model.h"

namespace temper {

// --model, --adapter, --chat-template, and "path", which a bare argument fills.
void add_model_options(boost::program_options::options_description& options);
ModelRequest model_request(const boost::program_options::variables_map& values);

}  // namespace temper
