// Times as Slurm writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace temper {

// Seconds, from "minutes", "minutes:seconds", "hours:minutes:seconds", "days-hours",
// "days-hours:minutes" or "days-hours:minutes:seconds"; nothing for any other text ("UNLIMITED").
std::optional<int64_t> parse_slurm_time(const std::string& text);

}  // namespace temper
