#include "data/hygiene/personal_data.h"

#include <algorithm>
#include <optional>

namespace temper {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_word(char c) {
  return is_digit(c) || is_letter(c) || static_cast<unsigned char>(c) >= 0x80;
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr size_t kMaxLookBack = 40;
constexpr size_t kMaxEmailPart = 64;

constexpr std::array<const char*, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                 "jul", "aug", "sep", "oct", "nov", "dec"};

// The digits of a number in groups with what stands between them.
struct NumberRun {
  struct Group {
    size_t begin, end;
    size_t size() const { return end - begin; }
  };
  std::vector<Group> groups;
  bool plus = false, bracket = false;  // "+49 ...", "(555) ..."
  size_t begin = 0, end = 0;

  size_t num_digits() const {
    size_t count = 0;
    for (const Group& group : groups) count += group.size();
    return count;
  }
};

// Walks over a text once and judges what begins at each place.
class PersonalDataScanner {
 public:
  explicit PersonalDataScanner(std::string_view text) : text_(text) {}

  std::vector<PersonalDataMatch> find() {
    for (size_t at = 0; at < text_.size();) {
      const char c = text_[at];
      const bool starts_number = is_digit(c) && (at == 0 || !is_word(text_[at - 1]));
      std::optional<PersonalDataMatch> match;
      if (c == '@') {
        match = email(at);
      } else if (starts_number) {
        match = number(at);
      } else if (is_letter(c) && (at == 0 || !is_word(text_[at - 1]))) {
        match = lettered(at);
      }
      if (match && match->begin >= taken_) {
        matches_.push_back(*match);
        taken_ = match->end;
        at = std::max(at + 1, match->end);
      } else {
        at = starts_number ? std::max(at + 1, skip_to_) : at + 1;
      }
    }
    return std::move(matches_);
  }

 private:
  std::optional<PersonalDataMatch> email(size_t at) const {
    const auto is_local = [](char c) {
      return is_digit(c) || is_letter(c) || c == '.' || c == '_' || c == '%' || c == '+' ||
             c == '-';
    };
    size_t begin = at, end = at + 1;
    while (begin > taken_ && at - begin < kMaxEmailPart && is_local(text_[begin - 1])) --begin;
    while (
        end < text_.size() && end - at < 4 * kMaxEmailPart &&
        (is_digit(text_[end]) || is_letter(text_[end]) || text_[end] == '.' || text_[end] == '-')) {
      ++end;
    }
    while (end > at + 1 && !is_letter(text_[end - 1])) --end;
    const std::string_view domain = text_.substr(at + 1, end - at - 1);
    const size_t dot = domain.rfind('.');
    if (begin == at || dot == domain.npos || dot == 0 || domain.size() - dot - 1 < 2) return {};
    if (!std::all_of(domain.begin() + static_cast<std::ptrdiff_t>(dot) + 1, domain.end(),
                     is_letter)) {
      return {};
    }
    return PersonalDataMatch{PersonalData::kEmail, begin, end};
  }

  // Groups of digits with one of " -./" between them, ") " or ")" after the first.
  NumberRun run_at(size_t at) const {
    NumberRun run;
    run.begin = at;
    if (at > 0 && text_[at - 1] == '(') {
      run.bracket = true;
      --run.begin;
    }
    if (run.begin > 0 && text_[run.begin - 1] == '+') {
      run.plus = true;
      --run.begin;
    }
    while (run.groups.size() < 8) {
      size_t end = at;
      while (end < text_.size() && is_digit(text_[end])) ++end;
      run.groups.push_back({at, end});
      run.end = end;
      size_t next = end;
      if (next < text_.size() && text_[next] == ')') ++next;
      if (next < text_.size() &&
          (text_[next] == ' ' || text_[next] == '-' || text_[next] == '.' || text_[next] == '/')) {
        ++next;
      }
      if (next < text_.size() && text_[next] == '(') {
        ++next;
      }
      if (next == end || next >= text_.size() || !is_digit(text_[next])) break;
      at = next;
    }
    return run;
  }

  // The words before `at`, lower case.
  std::string before(size_t at) const {
    const size_t begin = at > kMaxLookBack ? at - kMaxLookBack : 0;
    std::string words(text_.substr(begin, at - begin));
    std::transform(words.begin(), words.end(), words.begin(), lower);
    return words;
  }

  // The keyword stands before, and between it and the number nothing but a few small words.
  static bool announces(const std::string& before, const char* keyword, size_t max_between) {
    const size_t found = before.rfind(keyword);
    if (found == before.npos) return false;
    if (found > 0 && is_word(before[found - 1])) return false;
    const size_t between = before.size() - found - std::string_view(keyword).size();
    if (between > max_between) return false;
    return std::none_of(before.end() - static_cast<std::ptrdiff_t>(between), before.end(),
                        is_digit);
  }

  static bool announces_record(const std::string& before) {
    return announces(before, "mrn", 8) || announces(before, "medical record", 14) ||
           announces(before, "patient id", 10) || announces(before, "patient no", 8) ||
           announces(before, "patient number", 6) || announces(before, "chart no", 8);
  }
  static bool announces_birth(const std::string& before) {
    return announces(before, "dob", 6) || announces(before, "d.o.b", 6) ||
           announces(before, "date of birth", 8) || announces(before, "birth date", 8) ||
           announces(before, "birthdate", 8) || announces(before, "birthday", 8) ||
           announces(before, "born", 12);
  }

  static int value(std::string_view digits) {
    int value = 0;
    for (const char c : digits) value = 10 * value + (c - '0');
    return value;
  }
  int value_of(const NumberRun::Group& group) const {
    return group.size() > 4 ? -1 : value(text_.substr(group.begin, group.size()));
  }

  // The end of a date of three numbers or with the name of a month; 0 when there is none.
  size_t date_end(const NumberRun& run) const {
    const auto& groups = run.groups;
    if (groups.size() >= 3 && text_[groups[0].end] != ')') {
      const int a = value_of(groups[0]), b = value_of(groups[1]), c = value_of(groups[2]);
      const bool year_last = a >= 1 && a <= 31 && b >= 1 && b <= 31 && c >= 0 &&
                             (groups[2].size() == 4 || groups[2].size() == 2);
      const bool year_first = groups[0].size() == 4 && b >= 1 && b <= 12 && c >= 1 && c <= 31;
      if (year_last || year_first) return groups[2].end;
    }
    // "4 March 1956", "4th of March, 1956"
    const size_t at = groups[0].end;
    if (groups[0].size() <= 2) {
      const std::string_view after = text_.substr(at, 24);
      for (size_t i = 0; i < after.size() && !is_digit(after[i]); ++i) {
        if (is_month(at + i)) return year_end(at + i);
      }
    }
    return 0;
  }

  bool is_month(size_t at) const {
    if (at > 0 && is_letter(text_[at - 1])) return false;
    if (at + 3 > text_.size()) return false;
    const std::array<char, 3> name = {lower(text_[at]), lower(text_[at + 1]), lower(text_[at + 2])};
    return std::any_of(kMonths.begin(), kMonths.end(), [&](const char* month) {
      return std::equal(name.begin(), name.end(), month);
    });
  }

  // The end of a year of four digits within a few characters; 0 when there is none.
  size_t year_end(size_t at) const {
    const size_t limit = std::min(text_.size(), at + 20);
    for (; at + 4 <= limit; ++at) {
      if (!is_digit(text_[at]) || is_digit(text_[at - 1])) continue;
      size_t end = at;
      while (end < text_.size() && is_digit(text_[end])) ++end;
      if (end - at == 4) return end;
      at = end;
    }
    return 0;
  }

  std::optional<PersonalDataMatch> number(size_t at) {
    const NumberRun run = run_at(at);
    skip_to_ = run.groups[0].end;
    const std::string words = before(run.begin);
    if (announces_birth(words)) {
      if (const size_t end = date_end(run)) {
        return PersonalDataMatch{PersonalData::kBirthDate, run.begin, end};
      }
    }
    if (announces_record(words) && run.num_digits() >= 5) {
      return PersonalDataMatch{PersonalData::kMedicalRecord, run.begin, word_end(run.end)};
    }
    if (const size_t end = social_security_end(run)) {
      return PersonalDataMatch{PersonalData::kSocialSecurity, run.begin, end};
    }
    if (const size_t end = card_end(run)) {
      return PersonalDataMatch{PersonalData::kCard, run.begin, end};
    }
    if (const size_t end = phone_end(run)) {
      return PersonalDataMatch{PersonalData::kPhone, run.begin, end};
    }
    return {};
  }

  // "MRN A1234567", "born March 4, 1956": numbers that begin with a letter.
  std::optional<PersonalDataMatch> lettered(size_t at) const {
    if (is_month(at)) {
      const size_t end = year_end(at);
      if (end != 0 && announces_birth(before(at))) {
        return PersonalDataMatch{PersonalData::kBirthDate, at, end};
      }
    }
    size_t end = at;
    while (end < text_.size() && end - at < 3 && is_letter(text_[end])) ++end;
    const size_t digits = end < text_.size() && text_[end] == '-' ? end + 1 : end;
    size_t digits_end = digits;
    while (digits_end < text_.size() && is_digit(text_[digits_end])) ++digits_end;
    if (digits_end - digits < 5 || !announces_record(before(at))) return {};
    return PersonalDataMatch{PersonalData::kMedicalRecord, at, digits_end};
  }

  size_t word_end(size_t at) const {
    while (at < text_.size() && is_word(text_[at])) ++at;
    return at;
  }
  bool ends_word(size_t at) const { return at == text_.size() || !is_word(text_[at]); }

  size_t social_security_end(const NumberRun& run) const {
    const auto& groups = run.groups;
    if (groups.size() != 3 || run.plus || run.bracket || groups[0].size() != 3 ||
        groups[1].size() != 2 || groups[2].size() != 4 || !ends_word(run.end)) {
      return 0;
    }
    const char separator = text_[groups[0].end];
    if ((separator != '-' && separator != ' ') || text_[groups[1].end] != separator) return 0;
    const int area = value_of(groups[0]);
    const bool possible = area != 0 && area != 666 && area < 900 && value_of(groups[1]) != 0 &&
                          value_of(groups[2]) != 0;
    return possible ? run.end : 0;
  }

  size_t card_end(const NumberRun& run) const {
    std::string digits;
    for (const auto& group : run.groups) {
      digits += text_.substr(group.begin, group.size());
      if (group.end < run.end && text_[group.end] != ' ' && text_[group.end] != '-') return 0;
    }
    if (digits.size() < 13 || digits.size() > 19 || run.plus || !ends_word(run.end)) return 0;
    if (digits[0] < '2' || digits[0] > '6') return 0;
    int sum = 0;
    for (size_t i = 0; i < digits.size(); ++i) {
      int digit = digits[digits.size() - 1 - i] - '0';
      if (i % 2 == 1) digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
      sum += digit;
    }
    return sum % 10 == 0 ? run.end : 0;
  }

  size_t phone_end(const NumberRun& run) const {
    const auto& groups = run.groups;
    const size_t digits = run.num_digits();
    if (run.plus) return digits >= 8 && digits <= 15 && ends_word(run.end) ? run.end : 0;
    // A leading 1 is the country's.
    const size_t first = groups.size() == 4 && groups[0].size() == 1 ? 1 : 0;
    if (first == 1 && text_[groups[0].begin] != '1') return 0;
    if (groups.size() < first + 3) return 0;
    const bool shaped = groups[first].size() == 3 && groups[first + 1].size() == 3 &&
                        groups[first + 2].size() == 4 && ends_word(groups[first + 2].end);
    const char separator = text_[groups[first + 1].end];
    return shaped && separator != '/' ? groups[first + 2].end : 0;
  }

  std::string_view text_;
  size_t taken_ = 0, skip_to_ = 0;
  std::vector<PersonalDataMatch> matches_;
};

const char* mask_of(PersonalData kind) {
  switch (kind) {
    case PersonalData::kEmail:
      return "[EMAIL]";
    case PersonalData::kPhone:
      return "[PHONE]";
    case PersonalData::kSocialSecurity:
      return "[SSN]";
    case PersonalData::kMedicalRecord:
      return "[MRN]";
    case PersonalData::kBirthDate:
      return "[BIRTH DATE]";
    case PersonalData::kCard:
      return "[CARD]";
  }
  return "";
}

}  // namespace

const char* personal_data_name(PersonalData kind) {
  static constexpr std::array<const char*, kNumPersonalData> kNames = {
      "email", "phone", "social security", "medical record", "birth date", "card"};
  return kNames[static_cast<size_t>(kind)];
}

std::vector<PersonalDataMatch> find_personal_data(std::string_view text) {
  return PersonalDataScanner(text).find();
}

std::string mask_personal_data(const std::string& text, int64_t& num_masked) {
  const std::vector<PersonalDataMatch> matches = find_personal_data(text);
  if (matches.empty()) return text;
  std::string masked;
  size_t at = 0;
  for (const PersonalDataMatch& match : matches) {
    masked.append(text, at, match.begin - at);
    masked += mask_of(match.kind);
    at = match.end;
  }
  num_masked += static_cast<int64_t>(matches.size());
  return masked + text.substr(at);
}

}  // namespace temper
