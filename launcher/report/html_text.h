// Text that goes into a page: nothing in it can become markup.
#pragma once

#include <string>
#include <string_view>

namespace temper {

// For element content and quoted attributes. Invalid UTF-8 and control characters that HTML does
// not allow become U+FFFD.
std::string html_text(std::string_view text);

// A key for people: "max_steps" -> "max steps".
std::string shown_key(std::string key);

// Numbers for people: 4 significant digits, thousands as k and M, "-" for what is not finite.
std::string shown_number(double value);
// A loss with four places, "-" where it is not known.
std::string loss_text(double loss);
std::string shown_percent(double share, int digits = 1);  // 0.013 -> "1.3 %"
std::string shown_change(double share);                   // with its sign
std::string shown_bytes(double bytes);
std::string shown_seconds(double seconds);
std::string shown_time(double seconds_since_1970);  // UTC

}  // namespace temper
