// Options that eval, generate and export share.
#pragma once

#include <boost/program_options.hpp>

#include <cstdint>

#include "eval/model_loader.h"

namespace temper {

// --chat-template and --chat-template-kwargs, into `request`.
void add_template_options(boost::program_options::options_description& options);
void read_template_options(const boost::program_options::variables_map& values,
                           ModelRequest& request);

// --model, --adapter, those of a template, and "path", which a bare argument fills.
void add_model_options(boost::program_options::options_description& options);
ModelRequest model_request(const boost::program_options::variables_map& values);

// --device, for the commands that compute; the device that it means for a rank.
void add_device_option(boost::program_options::options_description& options);
ComputeDevice compute_place(const boost::program_options::variables_map& values, int node_rank);

// --threads; UserError for a number that is none of threads.
int64_t thread_count(const boost::program_options::variables_map& values);

// CPUs that this process may run on: as many threads as it is good to use.
int64_t num_available_cpus();

}  // namespace temper
