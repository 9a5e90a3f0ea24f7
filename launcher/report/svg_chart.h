// Charts as inline SVG. Colours are classes of the page's style (page_style.h), so that light, dark
// and print each have their own. Nothing runs in the page; values show as the browser's tooltips.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace temper {

inline constexpr int kNumChartColours = 6;

struct ChartLine {
  std::string label = {};
  std::vector<std::pair<double, double>> points = {};  // x ascending; not finite: a gap
  bool has_markers = false;                            // a dot, with its values, at each point
  std::vector<std::string> point_labels = {};          // beside the dots; empty: none
  bool has_path = true;                                // the points are joined
  bool is_faint = false;                               // background for another line
};

struct LineChart {
  std::string title = {}, x_label = {}, y_label = {};
  std::vector<ChartLine> lines = {};
  std::vector<std::pair<double, std::string>> marks = {};    // vertical lines with a word
  std::optional<std::pair<double, std::string>> limit = {};  // a horizontal line with a word
  std::optional<std::pair<double, double>> x_range = {};     // at least; else that of the points
};

struct BarChart {
  struct Bar {
    double value = 0.0;
    std::optional<std::pair<double, double>> interval = {};
  };
  struct Group {
    std::string label = {};
    std::vector<Bar> bars = {};  // one a series
  };
  std::string title = {}, x_label = {};
  std::vector<std::string> series = {};
  std::vector<Group> groups = {};
};

// A <figure>; empty when there is no finite point to draw.
std::string draw_lines(const LineChart& chart);
std::string draw_bars(const BarChart& chart);  // horizontal bars from 0

// Positions of 4 to 8 round numbers within [low, high], ascending.
std::vector<double> round_ticks(double low, double high);

}  // namespace temper
