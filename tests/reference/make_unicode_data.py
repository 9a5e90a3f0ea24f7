"""Writes text/unicode/unicode_data.cpp: what Hugging Face `tokenizers` takes each code point for.

    python tests/reference/make_unicode_data.py > text/unicode/unicode_data.cpp

The answers come from the library itself: general categories from its regular expressions
(Oniguruma, Unicode 16 in tokenizers 0.23), numbers and lower case from its Digits and Lowercase
(Rust, Unicode 17). Run clang-format on the result.
"""

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CATEGORIES = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf "
              "Co Cs").split()
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
EVERYTHING = "".join(map(chr, CODE_POINTS))


def matching(expression):
    splitter = pre_tokenizers.Split(Regex(expression), "removed", invert=True)
    for _, (begin, end) in splitter.pre_tokenize_str(EVERYTHING):
        yield from CODE_POINTS[begin:end]


def categories():
    category = {c: "Cs" for c in range(0xD800, 0xE000)}
    for name in CATEGORIES[:-1]:
        for c in matching(r"\p{%s}+" % name):
            assert c not in category, hex(c)
            category[c] = name
    assert len(category) == 0x110000
    return category


def numbers():
    text = "".join("a" + chr(c) for c in CODE_POINTS)
    pieces = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str(text)
    return [CODE_POINTS[b // 2] for _, (b, e) in pieces if e - b == 1 and b % 2]


def main():
    category = categories()
    runs = []
    for c in range(0x110000):
        number = CATEGORIES.index(category[c])
        if not runs or runs[-1] & 31 != number:
            runs.append(c << 5 | number)
    lower = normalizers.Lowercase()
    # Up to Unicode 13 every version of utf8proc that serves knows lower case.
    later = [c for c in CODE_POINTS if lower.normalize_str(chr(c)) != chr(c) and
             (c in (0x1C89, 0x2C2F) or 0xA7C0 <= c < 0xA800 or 0x10570 <= c < 0x10600 or
              0x10D50 <= c < 0x10D66 or 0x16EA0 <= c < 0x16F00)]
    extra_numbers = [c for c in numbers() if category[c][0] != "N"]
    print(f"""// Made by tests/reference/make_unicode_data.py from tokenizers {tokenizers.__version__}.
#include "text/unicode/unicode_data.h"

namespace temper {{
namespace {{
""")
    print_table("uint32_t kRuns", (f"{r:#x}" for r in runs))
    print_table("char32_t kNumbers", (f"{c:#x}" for c in extra_numbers))
    print_table("LowercasePair kPairs", (f"{{{c:#x}, {ord(lower.normalize_str(chr(c))):#x}}}" for c in later))
    print("""}  // namespace

const std::span<const uint32_t> kCategoryRuns(kRuns);
const std::span<const char32_t> kLaterNumbers(kNumbers);
const std::span<const LowercasePair> kLaterLowercase(kPairs);

}  // namespace temper""")


def print_table(name, values):
    print(f"constexpr {name}[] = {{{', '.join(values)}}};")


if __name__ == "__main__":
    main()
