#include "launcher/report/html_text.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "text/unicode/utf8.h"

namespace temper {

std::string html_text(std::string_view text) {
  std::string escaped;
  for (const char c : replace_invalid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else if (c == '\'') {
      escaped += "&#39;";
    } else if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) {
      escaped += "\xEF\xBF\xBD";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string shown_key(std::string key) {
  std::replace(key.begin(), key.end(), '_', ' ');
  return key;
}

std::string loss_text(double loss) {
  return loss == loss ? fmt::format("{:.4f}", loss) : "-";
}

std::string shown_number(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  if (size >= 1e9 || (size > 0 && size < 1e-3)) return fmt::format("{:.3g}", value);
  if (size >= 1e6) return fmt::format("{:.4g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.4g}k", value / 1e3);
  return fmt::format("{:.4g}", value);
}

std::string shown_percent(double share, int digits) {
  return std::isfinite(share) ? fmt::format("{:.{}f} %", 100.0 * share, digits) : "-";
}

std::string shown_change(double share) {
  return std::isfinite(share) ? fmt::format("{:+.1f} %", 100.0 * share) : "-";
}

std::string shown_bytes(double bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  if (!std::isfinite(bytes)) return "-";
  size_t unit = 0;
  while (bytes >= 1024.0 && unit + 1 < kUnits.size()) {
    bytes /= 1024.0;
    ++unit;
  }
  return fmt::format("{:.4g} {}", bytes, kUnits[unit]);
}

std::string shown_seconds(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  if (whole >= 60) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{:.3g} s", seconds);
}

std::string shown_time(double seconds_since_1970) {
  if (!std::isfinite(seconds_since_1970)) return "-";
  const double latest = 4e9;  // what a damaged file says must not leave the calendar
  const auto when = static_cast<std::time_t>(std::clamp(seconds_since_1970, 0.0, latest));
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(when));
}

}  // namespace temper
