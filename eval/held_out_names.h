// What the held-out sets of a run are called, in training and in every evaluation after it.
#pragma once

#include <string>
#include <vector>

#include "config/run_config.h"

namespace temper {

// "PREFIX/NAME" for each: its file's name, with the folder's where two files have the same, with a
// number where that does not tell them apart either.
std::vector<std::string> held_out_names(const std::vector<DatasetEntry>& entries,
                                        const std::string& prefix);

}  // namespace temper
