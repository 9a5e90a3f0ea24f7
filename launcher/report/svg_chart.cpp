#include "launcher/report/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "launcher/report/html_text.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr double kWidth = 520, kHeight = 290;
constexpr double kLeft = 68, kRight = 16, kTop = 14, kBottom = 44;
constexpr double kCharacterWidth = 7.2;  // of the labels' size, about, with room for a telephone's

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool is_empty() const { return !(low <= high); }
  // Room for the lines, and a width where there is none.
  void widen(double share) {
    const double room = high > low ? share * (high - low) : std::max(1e-12, 0.1 * std::abs(high));
    low -= room;
    high += room;
  }
};

struct Axes {
  Range x, y;

  double place_x(double value) const {
    return kLeft + (value - x.low) / (x.high - x.low) * (kWidth - kLeft - kRight);
  }
  double place_y(double value) const {
    return kHeight - kBottom - (value - y.low) / (y.high - y.low) * (kHeight - kTop - kBottom);
  }
};

std::string text_at(double x, double y, const char* anchor, const std::string& text,
                    const char* css = "tick") {
  return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>",
                     css, x, y, anchor, html_text(text));
}

std::string line_at(double x1, double y1, double x2, double y2, const char* css) {
  return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>",
                     css, x1, y1, x2, y2);
}

// Short, as there is little room: 0.0002 is "2e-4".
std::string tick_label(double tick) {
  if (tick == 0.0 || std::abs(tick) >= 0.01) return shown_number(tick);
  const auto exponent = static_cast<int>(std::floor(std::log10(std::abs(tick)) + 1e-9));
  return fmt::format("{:.3g}e{}", tick / std::pow(10.0, exponent), exponent);
}

// Rounded labels of close ticks may be equal: then with all their digits.
std::vector<std::string> tick_labels(const std::vector<double>& ticks) {
  std::vector<std::string> labels;
  for (const double tick : ticks) labels.push_back(tick_label(tick));
  if (std::adjacent_find(labels.begin(), labels.end()) == labels.end()) return labels;
  for (size_t i = 0; i < ticks.size(); ++i) labels[i] = fmt::format("{:.8g}", ticks[i]);
  return labels;
}

std::string draw_frame(const LineChart& chart, const Axes& axes) {
  std::string svg;
  const std::vector<double> ticks = round_ticks(axes.y.low, axes.y.high);
  const std::vector<std::string> labels = tick_labels(ticks);
  for (size_t i = 0; i < ticks.size(); ++i) {
    const double y = axes.place_y(ticks[i]);
    svg += line_at(kLeft, y, kWidth - kRight, y, "grid");
    svg += text_at(kLeft - 6, y + 4, "end", labels[i]);
  }
  const double bottom = kHeight - kBottom;
  for (const double tick : round_ticks(axes.x.low, axes.x.high)) {
    const double x = axes.place_x(tick);
    svg += line_at(x, bottom, x, bottom + 4, "axis");
    svg += text_at(x, bottom + 17, "middle", shown_number(tick));
  }
  svg += line_at(kLeft, bottom, kWidth - kRight, bottom, "axis");
  svg += text_at((kLeft + kWidth - kRight) / 2, kHeight - 8, "middle", chart.x_label, "label");
  const double middle = (kTop + bottom) / 2;
  svg += fmt::format(
      "<text class=\"label\" transform=\"translate(13 {:.1f}) rotate(-90)\" "
      "text-anchor=\"middle\">{}</text>",
      middle, html_text(chart.y_label));
  return svg;
}

std::string draw_marks(const LineChart& chart, const Axes& axes) {
  std::string svg;
  for (const auto& [at, word] : chart.marks) {
    if (!(at >= axes.x.low && at <= axes.x.high)) continue;
    const double x = axes.place_x(at);
    const bool is_left = x > kWidth / 2;
    svg += line_at(x, kTop, x, kHeight - kBottom, "mark");
    svg += text_at(x + (is_left ? -4 : 4), kTop + 9, is_left ? "end" : "start", word, "note");
  }
  if (chart.limit) {
    const double y = axes.place_y(chart.limit->first);
    svg += line_at(kLeft, y, kWidth - kRight, y, "limit");
    svg += text_at(kWidth - kRight, y - 4, "end", chart.limit->second, "note");
  }
  return svg;
}

// One polyline for every stretch without a gap.
std::string draw_path(const ChartLine& line, const Axes& axes, size_t colour) {
  if (!line.has_path) return "";
  std::string svg, points;
  const auto finish = [&] {
    if (!points.empty()) {
      svg += fmt::format("<polyline class=\"line c{}{}\" points=\"{}\"/>", colour,
                         line.is_faint ? " faint" : "", points);
    }
    points.clear();
  };
  for (const auto& [x, y] : line.points) {
    if (std::isfinite(x) && std::isfinite(y)) {
      points += fmt::format("{:.1f},{:.1f} ", axes.place_x(x), axes.place_y(y));
    } else {
      finish();
    }
  }
  finish();
  return svg;
}

// Words beside dots: each at the first side of its dot that no word before it has taken.
class PointWords {
 public:
  std::string place(double x, double y, const std::string& word) {
    const double width = kCharacterWidth * static_cast<double>(word.size());
    Box best{x + 6, y - 5, false};
    for (const Box& side :
         {best, Box{x - 6, y - 5, true}, Box{x + 6, y + 12, false}, Box{x - 6, y + 12, true}}) {
      const double left = side.is_left ? side.x - width : side.x;
      if (left < kLeft || left + width > kWidth - kRight || is_taken(left, width, side.y)) continue;
      best = side;
      break;
    }
    taken_.push_back({best.is_left ? best.x - width : best.x, best.y, width});
    return text_at(best.x, best.y, best.is_left ? "end" : "start", word, "note");
  }

 private:
  struct Box {
    double x, y;
    bool is_left;
  };
  struct Taken {
    double left, y, width;
  };
  bool is_taken(double left, double width, double y) const {
    constexpr double kLineHeight = 11;
    return std::any_of(taken_.begin(), taken_.end(), [&](const Taken& other) {
      return std::abs(other.y - y) < kLineHeight && left < other.left + other.width &&
             other.left < left + width;
    });
  }

  std::vector<Taken> taken_;
};

std::string draw_markers(const ChartLine& line, const Axes& axes, size_t colour,
                         PointWords& words) {
  std::string svg;
  for (size_t i = 0; line.has_markers && i < line.points.size(); ++i) {
    const auto& [x, y] = line.points[i];
    if (!std::isfinite(x) || !std::isfinite(y)) continue;
    const double at = axes.place_x(x), height = axes.place_y(y);
    const std::string word = i < line.point_labels.size() ? line.point_labels[i] : "";
    const std::string name = word.empty() ? line.label : word;
    svg += fmt::format(
        "<circle class=\"dot c{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.2\"><title>{}: {}, "
        "{}</title></circle>",
        colour, at, height, html_text(name), shown_number(x), shown_number(y));
    if (word.empty()) continue;
    svg += words.place(at, height, word);
  }
  return svg;
}

// At most so many characters, the last then an ellipsis.
std::string shortened(const std::string& label, size_t max_characters) {
  const std::string text = replace_invalid_utf8(label);
  if (count_code_points(text) <= max_characters) return text;
  size_t end = 0;
  for (size_t i = 0; i + 1 < max_characters; ++i) (void)next_code_point(text, end);
  return text.substr(0, end) + "\u2026";
}

std::string legend_of(const std::vector<std::string>& labels) {
  std::string html = "<p class=\"legend\">";
  for (size_t i = 0; i < labels.size(); ++i) {
    html += fmt::format("<span><i class=\"c{}\"></i>{}</span> ", i % kNumChartColours,
                        html_text(labels[i]));
  }
  return html + "</p>";
}

std::string figure(const std::string& title, const std::vector<std::string>& legend, double height,
                   const std::string& content) {
  return fmt::format(
      "<figure><figcaption>{0}</figcaption>{1}<svg viewBox=\"0 0 {2} {3}\" role=\"img\" "
      "aria-label=\"{0}\">{4}</svg></figure>\n",
      html_text(title), legend.size() > 1 ? legend_of(legend) : "", kWidth, height, content);
}

}  // namespace

std::vector<double> round_ticks(double low, double high) {
  std::vector<double> ticks;
  if (!(high > low) || !std::isfinite(high - low)) return ticks;
  const double rough = (high - low) / 5.0;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10.0 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough * 0.75) step = factor * power;
  }
  const double first = std::ceil(low / step - 1e-9);
  for (double i = first; i * step <= high + 1e-9 * step && ticks.size() < 12; i += 1.0) {
    ticks.push_back(i * step == 0.0 ? 0.0 : i * step);
  }
  return ticks;
}

std::string draw_lines(const LineChart& chart) {
  Axes axes;
  for (const ChartLine& line : chart.lines) {
    for (const auto& [x, y] : line.points) {
      if (!std::isfinite(x) || !std::isfinite(y)) continue;
      axes.x.add(x);
      axes.y.add(y);
    }
  }
  if (axes.x.is_empty()) return "";
  if (chart.limit) axes.y.add(chart.limit->first);
  if (chart.x_range) {
    axes.x.add(chart.x_range->first);
    axes.x.add(chart.x_range->second);
  }
  axes.x.widen(axes.x.high > axes.x.low ? 0.02 : 0.1);
  axes.y.widen(0.06);
  std::string content = draw_frame(chart, axes) + draw_marks(chart, axes);
  std::vector<std::string> legend;
  PointWords words;
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    const size_t colour = i % kNumChartColours;
    content +=
        draw_path(chart.lines[i], axes, colour) + draw_markers(chart.lines[i], axes, colour, words);
    legend.push_back(chart.lines[i].label);
  }
  return figure(chart.title, legend, kHeight, content);
}

std::string draw_bars(const BarChart& chart) {
  constexpr double kBarHeight = 13, kGroupGap = 10, kLabelWidth = 165;
  Range range;
  range.add(0.0);
  for (const BarChart::Group& group : chart.groups) {
    for (const BarChart::Bar& bar : group.bars) {
      range.add(bar.value);
      if (bar.interval) range.add(bar.interval->second);
    }
  }
  if (chart.groups.empty() || !(range.high > 0.0)) return "";
  const double scale = (kWidth - kLabelWidth - 62) / range.high;
  std::string content;
  double y = 8;
  for (const BarChart::Group& group : chart.groups) {
    const double height = kBarHeight * static_cast<double>(group.bars.size());
    content += text_at(kLabelWidth - 8, y + height / 2 + 4, "end", shortened(group.label, 20));
    for (size_t i = 0; i < group.bars.size(); ++i, y += kBarHeight) {
      const BarChart::Bar& bar = group.bars[i];
      if (!std::isfinite(bar.value)) continue;
      const double width = std::max(0.0, bar.value * scale);
      content += fmt::format(
          "<rect class=\"bar c{}\" x=\"{}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\"><title>{}: "
          "{}</title></rect>",
          i % kNumChartColours, kLabelWidth, y, width, kBarHeight - 2, html_text(group.label),
          shown_number(bar.value));
      double end = kLabelWidth + width;
      if (bar.interval) {
        const double middle = y + kBarHeight / 2 - 1;
        end = std::max(end, kLabelWidth + bar.interval->second * scale);
        content +=
            line_at(kLabelWidth + bar.interval->first * scale, middle, end, middle, "whisker");
      }
      content += text_at(end + 5, y + kBarHeight - 3, "start", shown_number(bar.value));
    }
    y += kGroupGap;
  }
  content += text_at(kLabelWidth, y + 12, "start", chart.x_label, "label");
  return figure(chart.title, chart.series, y + 20, content);
}

}  // namespace temper
