// What a reader wants to know first: what the run learned, what it forgot, which checkpoint to use.
#pragma once

#include "io/json.h"
#include "launcher/report/run_facts.h"

namespace temper {

// {level: "good", "warning", "bad" or "open", headline, points: [{level, text}], checkpoint}.
// `forgetting` are the figures of that name (docs/formats/report.md), `evaluation` what `temper
// eval` kept (evaluation_figures.h), or empty; `overlaps` are those of data_figures.h.
OrderedJson make_verdict(const RunFacts& facts, const OrderedJson& forgetting,
                         const OrderedJson& evaluation, const std::vector<std::string>& overlaps);

}  // namespace temper
