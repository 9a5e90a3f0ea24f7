#include "launcher/print_report.h"

#include <gtest/gtest.h>

namespace temper {
namespace {

TEST(Report, lines_for_people) {
  const OrderedJson report = {
      {"kind", "model"},
      {"num_layers", 12},
      {"tied", false},
      {"loss", 1.5},
      {"nothing", nullptr},
      {"empty", OrderedJson::object()},
      {"names", {"a", "b"}},
      {"plan", {{"steps", 3}}},
      {"files", {{{"name", "x"}, {"rows", 1}}, {{"name", "y"}, {"rows", 2}}}}};
  EXPECT_EQ(report_text(report),
            "kind        model\n"
            "num layers  12\n"
            "tied        no\n"
            "loss        1.5\n"
            "nothing     -\n"
            "empty       -\n"
            "names       a, b\n"
            "plan\n"
            "  steps  3\n"
            "files\n"
            "  - name  x\n"
            "    rows  1\n"
            "  - name  y\n"
            "    rows  2\n");
}

}  // namespace
}  // namespace temper
