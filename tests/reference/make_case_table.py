"""Writes text/jinja/runtime/case_table.inc: characters whose upper or title case has several characters.

    python tests/reference/make_case_table.py > text/jinja/runtime/case_table.inc

The answers are Python's own, str.upper() and str.title(); Python 3.11 (Unicode 14) made the table
that is there, and special cases are stable since. Needs nothing but Python.
"""

import sys


def literal(text):
    return "".join(c if c.isascii() else f"\\u{ord(c):04X}" for c in text)


def main():
    for code in range(sys.maxunicode + 1):
        upper, title = chr(code).upper(), chr(code).title()
        if len(upper) > 1 or len(title) > 1:
            print(f'    {{0x{code:04X}, "{literal(upper)}", "{literal(title)}"}},')


if __name__ == "__main__":
    main()
