// The tables of a run's report, as text in cells: the page and the Markdown show the same.
#pragma once

#include <string>
#include <vector>

#include "io/json.h"

namespace temper {

struct ReportTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // as many cells each
};

ReportTable held_out_table(const OrderedJson& figures);    // losses of base and checkpoint
ReportTable runs_table(const OrderedJson& figures);        // end points of several runs
ReportTable evaluation_table(const OrderedJson& figures);  // of `temper eval`
std::string evaluation_title(const OrderedJson& figures);  // which models at which step those are
ReportTable data_table(const OrderedJson& figures);
ReportTable timeline_table(const OrderedJson& figures);
ReportTable environment_table(const OrderedJson& figures);

}  // namespace temper
