// Which charts a run's page has, drawn from its figures.
#pragma once

#include <string>

#include "io/json.h"

namespace temper {

// Losses, learning rate, gradient norm, speed, memory: <figure>s, those without data left out.
std::string training_charts(const OrderedJson& figures);
// Domain gain against forgetting: this run along its steps, and the end points of all runs.
std::string forgetting_charts(const OrderedJson& figures);
// Scores with intervals, and loss by topic, of base and tuned model.
std::string evaluation_charts(const OrderedJson& figures);

}  // namespace temper
