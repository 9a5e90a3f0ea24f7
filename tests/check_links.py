#!/usr/bin/env python3
"""Every relative link of the documentation leads to a file that is there, and to a heading of it."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"!?\[[^\]\n]*\]\(([^()\s]+)\)")
CODE = re.compile(r"^```.*?^```|^    .*?$|`[^`\n]*`", re.M | re.S)


def prose(path):
    return CODE.sub("", path.read_text(encoding="utf-8"))


def anchors(path):
    """As a hosting platform makes them of headings."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "]", heading).lower())
        found.add(words.strip().replace(" ", "-"))
    return found


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT,
                            check=True, capture_output=True, text=True)
    pages = [ROOT / name for name in listed.stdout.split() if (ROOT / name).is_file()]
    wrong, count = [], 0
    for page in pages:
        for target in LINK.findall(prose(page)):
            if re.match(r"[a-z]+:", target):
                continue
            count += 1
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            if not file.exists():
                wrong.append(f"{page.relative_to(ROOT)}: {target}: there is no such file")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file):
                wrong.append(f"{page.relative_to(ROOT)}: {target}: there is no such heading")
    print("\n".join(wrong) or f"docs: {count} links of {len(pages)} pages lead somewhere")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
