// The regular expressions of tokenizer.json are Oniguruma's. This rewrites them into what PCRE2
// understands as the same language: classes (\s, \w, \d, \h, general categories) spelled out from
// our own tables, (?m) for a dot that matches newlines, nested character classes.
#pragma once

#include <string>
#include <string_view>

namespace temper {

// `place` names the pattern in the UserError for a construct that PCRE2 would read differently.
// The result is meant for the options UTF, UCP and MULTILINE.
std::string oniguruma_to_pcre2(std::string_view pattern, const std::string& place);

}  // namespace temper
