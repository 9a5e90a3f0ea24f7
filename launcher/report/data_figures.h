// What a run was trained and measured on: the account of every dataset, without a record's text.
#pragma once

#include <string>
#include <vector>

#include "config/run_config.h"
#include "io/json.h"

namespace temper {

// [{role, path, weight, rows, sequence_len, documents, tokens, targets, content_hash, records_in,
// records_packed, dropped: {reason: count}, hygiene: {finding: records}}]; {role, path, problem}
// for a dataset that cannot be opened any more.
OrderedJson data_figures(const RunConfig& config);

// Sentences about held-out sets with documents that are trained on. Datasets that are gone or large
// are passed over.
std::vector<std::string> overlap_warnings(const RunConfig& config);

}  // namespace temper
