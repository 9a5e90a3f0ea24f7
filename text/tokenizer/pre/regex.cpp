#include "text/tokenizer/pre/regex.h"

#include <pcre2.h>

#include <utility>

#include "common/error.h"
#include "text/tokenizer/pre/oniguruma_syntax.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

// Bounds what an ambiguous expression may cost at one place of a text.
constexpr uint32_t kMatchLimit = 1000000;
constexpr size_t kMaxJitStackBytes = size_t{16} << 20;

// What a search writes to; one for each thread.
struct MatchScratch {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(64 << 10, kMaxJitStackBytes, nullptr);

  MatchScratch() {
    if (data == nullptr || context == nullptr) throw SystemError("PCRE2: out of memory");
    pcre2_set_match_limit(context, kMatchLimit);
    if (stack != nullptr) pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~MatchScratch() {
    if (stack != nullptr) pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
  MatchScratch(const MatchScratch&) = delete;
  MatchScratch& operator=(const MatchScratch&) = delete;
};

std::string pcre2_error_text(int code) {
  PCRE2_UCHAR text[256];
  if (pcre2_get_error_message(code, text, sizeof text) < 0) return fmt::format("error {}", code);
  return reinterpret_cast<const char*>(text);
}

}  // namespace

struct Regex::Compiled {
  pcre2_code* code = nullptr;
  bool has_jit = false;
  std::string place;

  ~Compiled() { pcre2_code_free(code); }

  // The next match at or behind `start`, or false.
  bool search(std::string_view text, size_t start, size_t& begin, size_t& end) const {
    thread_local MatchScratch scratch;
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    const int found = has_jit ? pcre2_jit_match(code, subject, text.size(), start, 0, scratch.data,
                                                scratch.context)
                              : pcre2_match(code, subject, text.size(), start, PCRE2_NO_UTF_CHECK,
                                            scratch.data, scratch.context);
    if (found == PCRE2_ERROR_NOMATCH) return false;
    if (found < 0) {
      throw UserError("{}: the regular expression fails on a text of {} bytes: {}", place,
                      text.size(), pcre2_error_text(found));
    }
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(scratch.data);
    begin = bounds[0];
    end = bounds[1];
    return true;
  }
};

Regex::Regex(std::string_view pattern, const std::string& place)
    : compiled_(std::make_unique<Compiled>()) {
  const std::string translated = oniguruma_to_pcre2(pattern, place);
  compiled_->place = place;
  std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
      pcre2_compile_context_create(nullptr), &pcre2_compile_context_free);
  if (context == nullptr) throw SystemError("PCRE2: out of memory");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), 100);
  int error = 0;
  PCRE2_SIZE error_offset = 0;
  compiled_->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &error, &error_offset, context.get());
  if (compiled_->code == nullptr) {
    throw UserError("{}: the regular expression cannot be compiled: {}", place,
                    pcre2_error_text(error));
  }
  compiled_->has_jit = pcre2_jit_compile(compiled_->code, PCRE2_JIT_COMPLETE) == 0;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

void Regex::find_parts(std::string_view text, std::vector<TextPart>& parts) const {
  size_t covered = 0;  // everything before it is in `parts`
  size_t start = 0;
  bool any_match = false;
  size_t begin = 0, end = 0;
  while (start <= text.size() && compiled_->search(text, start, begin, end)) {
    if (begin == end && any_match && begin == covered) {
      // An empty match right behind a match does not count; search on from the next character.
      start = begin + (begin < text.size() ? utf8_length(text[begin]) : 1);
      continue;
    }
    if (begin > covered) parts.push_back({covered, begin, false});
    parts.push_back({begin, end, true});
    any_match = true;
    covered = start = end;
  }
  if (covered < text.size()) parts.push_back({covered, text.size(), false});
}

}  // namespace temper
