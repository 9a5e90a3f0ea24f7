// A run's figures (run_figures.h) as one self-contained page.
#pragma once

#include <string>

#include "io/json.h"

namespace temper {

// `refresh_seconds` above 0: the browser loads the page again by itself.
std::string html_page(const OrderedJson& figures, int refresh_seconds = 0);

}  // namespace temper
