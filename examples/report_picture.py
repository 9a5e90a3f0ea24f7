#!/usr/bin/env python3
"""Draws the upper part of a run's page as one SVG, for the README: what `temper report` wrote, with its
own charts and colours, and no browser.

    make demo && examples/report_picture.py out/demo-full-1/run-lora/report.html > docs/report.svg
"""
import argparse
import html
import re
import textwrap

WIDTH, MARGIN, GAP = 1100, 20, 14
COLUMN = (WIDTH - 2 * MARGIN - GAP) // 2
FONT = 'font-family="system-ui, Segoe UI, Roboto, Helvetica Neue, sans-serif"'


def found(pattern, page):
    match = re.search(pattern, page, re.S)
    if not match:
        raise SystemExit(f"report_picture: the page has no {pattern!r}")
    return match.group(1)


def plain(text):
    return html.unescape(re.sub(r"<[^>]*>", "", text))


def styles(page):
    """The page's rules for charts, in the light colours."""
    css = found(r"<style>(.*?)</style>", page)
    colours = dict(re.findall(r"--([\w-]+):\s*([^;]+);", css.split("@media", 1)[0]))
    rules = re.findall(r"^((?:svg |\.(?:grid|axis|mark|limit|line|dot|bar|whisker|faint)).*?\})\s*$", css, re.M | re.S)
    css = " ".join(rule for rule in rules if "display" not in rule)
    return re.sub(r"var\(--([\w-]+)\)", lambda name: colours[name.group(1)], css), colours


def text(x, y, words, size=14, colour="#1c1f23", weight="400"):
    return (f'<text class="page" x="{x}" y="{y}" style="font-size:{size}px;font-weight:{weight};fill:{colour};'
            f'stroke:none">{html.escape(words)}</text>')


def card(x, y, width, height, colours, edge=None):
    box = (f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{colours["card"]}" '
           f'stroke="{colours["line"]}"/>')
    return box + (f'<rect x="{x}" y="{y}" width="6" height="{height}" rx="3" fill="{edge}"/>' if edge else "")


def verdict(page, colours, y):
    section = found(r'<section class="(verdict.*?)</section>', page)
    level = re.match(r"verdict (\w+)", section).group(1)
    points = re.findall(r'<li class="(\w+)">(.*?)</li>', section, re.S)
    lines = []
    for point_level, words in points:
        for number, line in enumerate(textwrap.wrap(plain(words), 135)):
            lines.append((point_level if number == 0 else None, line))
    height = 58 + 22 * len(lines)
    parts = [card(MARGIN, y, WIDTH - 2 * MARGIN, height, colours, colours[level]),
             text(MARGIN + 22, y + 36, plain(found(r"<h1>(.*?)</h1>", section)), 22, weight="700")]
    for number, (point_level, line) in enumerate(lines):
        at = y + 66 + 22 * number
        if point_level:
            parts.append(f'<circle cx="{MARGIN + 28}" cy="{at - 5}" r="4" fill="{colours[point_level]}"/>')
        parts.append(text(MARGIN + 42, at, line))
    return parts, y + height + GAP


def facts(page, colours, y):
    cells = re.findall(r"<div><b>(.*?)</b><span>(.*?)</span></div>", found(r'<div class="facts">(.*?</div>)</div>', page))
    width = (WIDTH - 2 * MARGIN - GAP * (len(cells) - 1)) / len(cells)
    parts = []
    for number, (value, name) in enumerate(cells):
        x = round(MARGIN + number * (width + GAP), 1)
        parts += [card(x, y, round(width, 1), 54, colours), text(x + 12, y + 24, plain(value), 18, weight="700"),
                  text(x + 12, y + 43, plain(name), 13, colours["dim"])]
    return parts, y + 54 + GAP


def legend(figure, x, y, colours):
    parts = []
    for colour, name in re.findall(r'<i class="(c\d)"></i>(.*?)</span>', figure):
        parts += [f'<rect x="{x}" y="{y - 6}" width="14" height="4" rx="2" fill="{colours[colour]}"/>',
                  text(x + 20, y, plain(name), 13, colours["dim"])]
        x += 40 + 7 * len(plain(name))
    return parts


def charts(page, colours, y, captions):
    parts, row = [], 0
    figures = {plain(found(r"<figcaption>(.*?)</figcaption>", figure)): figure
               for figure in re.findall(r"<figure>(.*?)</figure>", page, re.S)}
    for number, caption in enumerate(captions):
        if caption not in figures:
            raise SystemExit(f"report_picture: the page has no chart {caption!r}, but {', '.join(figures)}")
        figure = figures[caption]
        width, height = map(float, found(r'viewBox="0 0 (\S+ \S+?)"', figure).split())
        drawn = height * (COLUMN - 20) / width
        x = MARGIN + (number % 2) * (COLUMN + GAP)
        if number % 2 == 0:
            y, row = y + row, 0
        row = max(row, drawn + 56 + GAP)
        parts += [card(x, round(y, 1), COLUMN, round(drawn + 56, 1), colours),
                  text(x + 14, round(y + 24, 1), caption, 15, weight="600")]
        parts += legend(figure, x + 14, round(y + 44, 1), colours)
        drawing = re.sub(r"<title>.*?</title>", "", found(r"<svg[^>]*>(.*?)</svg>", figure))
        parts.append(f'<svg x="{x + 10}" y="{y + 52:.1f}" width="{COLUMN - 20}" height="{drawn:.1f}" '
                     f'viewBox="0 0 {width:g} {height:g}">{drawing}</svg>')
    return parts, y + row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", help="report.html of a run")
    parser.add_argument("--charts", nargs="+", metavar="CAPTION", default=["Answers to unseen questions", "Loss"],
                        help="which of its charts")
    arguments = parser.parse_args()
    with open(arguments.page, encoding="utf-8") as file:
        page = file.read()
    css, colours = styles(page)
    head, y = verdict(page, colours, MARGIN)
    numbers, y = facts(page, colours, y)
    drawings, y = charts(page, colours, y, arguments.charts)
    height = round(y + MARGIN - GAP)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
          f'viewBox="0 0 {WIDTH} {height}" {FONT}>')
    print(f"<style>{css}</style>")
    print(f'<rect width="{WIDTH}" height="{height}" fill="{colours["bg"]}"/>')
    print("\n".join(head + numbers + drawings))
    print("</svg>")


if __name__ == "__main__":
    main()
