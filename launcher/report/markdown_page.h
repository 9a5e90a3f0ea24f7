// A run's figures (run_figures.h) as Markdown: the verdict and the tables.
#pragma once

#include <string>

#include "io/json.h"

namespace temper {

std::string markdown_page(const OrderedJson& figures);

}  // namespace temper
