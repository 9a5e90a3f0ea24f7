#!/usr/bin/env python3
"""Breaks the program on purpose, one patch at a time, and sees whether the tests notice.

    tests/mutants/run.py [NAME...]     build and run; all without names
    tests/mutants/run.py --check       only whether every patch still fits the sources

Each *.patch here is one fault that somebody could make. Its head names the test that must fail, as
a regular expression of whole CTest names, and the target that the test needs:

    What is broken, in a sentence.
    Test: data\\.SampleOrder\\.epochs_and_seeds_differ
    Build: temper_data_test

The work is done in a copy of the tree (build/mutants), which stays for the next time. First the
tests must pass there without any patch. Then a patch is applied, what its test needs is built, and
the test must fail. A mutant that survives, does not apply or does not build makes this exit 1.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SECONDS_A_TEST = 300


@dataclasses.dataclass
class Hunk:
    path: str
    before: str
    after: str


@dataclasses.dataclass
class Mutant:
    name: str
    test: str
    build: str
    hunks: list


class Misfit(Exception):
    pass


def parse(path):
    head, hunks, target = {}, [], None
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.startswith("--- a/") and (not hunks or hunks[-1].before):
            target = line[6:].strip()
        elif target is None:
            key, colon, value = line.partition(": ")
            if colon and key in ("Test", "Build"):
                head[key] = value.strip()
        elif line.startswith("@@"):
            hunks.append(Hunk(target, "", ""))
        elif hunks and line[0] in " -+":
            hunks[-1].before += line[1:] if line[0] in " -" else ""
            hunks[-1].after += line[1:] if line[0] in " +" else ""
    if set(head) != {"Test", "Build"} or not hunks:
        raise Misfit(f"{path.name}: needs a Test:, a Build: and a change")
    return Mutant(path.stem, head["Test"], head["Build"], hunks)


def apply(mutant, root, write=True):
    """Wherever the lines stand now, but there only once. Returns the changed files' old texts."""
    old, new = {}, {}
    for hunk in mutant.hunks:
        path = root / hunk.path
        text = new.get(path) or (path.read_text(encoding="utf-8") if path.exists() else "")
        old.setdefault(path, text)
        times = ("\n" + text).count("\n" + hunk.before)
        if times != 1 or hunk.before == hunk.after:
            raise Misfit(f"{mutant.name}.patch: its lines are in {hunk.path} {times} times, expected once")
        new[path] = ("\n" + text).replace("\n" + hunk.before, "\n" + hunk.after)[1:]
    for path, text in new.items() if write else ():
        path.write_text(text, encoding="utf-8")
    return old


def all_mutants(names):
    paths = sorted(HERE.glob("*.patch"))
    unknown = set(names) - {path.stem for path in paths}
    if unknown:
        raise Misfit(f"no mutant is called {', '.join(sorted(unknown))}")
    return [parse(path) for path in paths if not names or path.stem in names]


def check(mutants):
    wrong = 0
    for mutant in mutants:
        try:
            apply(mutant, ROOT, write=False)
        except Misfit as error:
            print(error)
            wrong += 1
    print(f"{len(mutants)} mutants, {wrong} do not fit")
    return 1 if wrong else 0


def copy_sources(tree):
    """What git would commit, or everything but what is built; unchanged files keep their times."""
    listing = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard"], capture_output=True)
    if listing.returncode == 0:
        names = [name for name in listing.stdout.decode().split("\0") if name]
    else:
        names = [str(path.relative_to(ROOT)) for folder, folders, files in os.walk(ROOT)
                 for path in (pathlib.Path(folder) / file for file in files)
                 if path.relative_to(ROOT).parts[0] not in ("build", ".deps", ".git")]
    wanted = {name for name in names if (ROOT / name).is_file()}
    for name in wanted:
        source, target = ROOT / name, tree / name
        if not target.exists() or source.read_bytes() != target.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for path in list(tree.rglob("*")):
        name = path.relative_to(tree)
        if path.is_file() and name.parts[0] not in ("build", ".deps") and str(name) not in wanted:
            path.unlink()
    if (ROOT / ".deps").exists() and not (tree / ".deps").exists():
        (tree / ".deps").symlink_to(ROOT / ".deps")


class Workbench:
    def __init__(self, tree, jobs):
        self.tree, self.jobs, self.build_dir = tree, jobs, tree / "build/release"

    def run(self, *command):
        run = subprocess.run(command, cwd=self.tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors="replace", env={**os.environ, "OMP_WAIT_POLICY": "passive"})
        return run.returncode, run.stdout

    def configure(self):
        code, output = self.run("cmake", "--preset", "release", "-DTEMPER_CUDA=OFF")
        if code != 0:
            raise Misfit(f"cannot configure:\n{output}")

    def build(self, targets):
        code, output = self.run("cmake", "--build", self.build_dir, "--parallel", str(self.jobs), "--target", *targets)
        return "" if code == 0 else output

    def failing(self, test):
        """The names of the tests that failed, or None where none has that name."""
        code, output = self.run("ctest", "--test-dir", self.build_dir, "-R", f"^({test})$", "--timeout",
                                str(SECONDS_A_TEST), "--no-tests=error")
        if "No tests were found" in output:
            return None
        failed = re.findall(r"^\s+\d+ - (.+?) \((?:Failed|Timeout|SEGFAULT|Subprocess .*|.*Exception.*)\)", output,
                            re.MULTILINE)
        if (code == 0) == bool(failed) or "(Not Run)" in output:
            raise Misfit(f"ctest said something unexpected of {test}:\n{output}")
        return failed


def try_mutant(bench, mutant):
    old = apply(mutant, bench.tree)
    try:
        output = bench.build(mutant.build.split())
        if output:
            return False, "does not build:\n" + output[-3000:]
        failed = bench.failing(mutant.test)
        if failed:
            return True, "killed by " + ", ".join(failed)
        return False, "survives" if failed is not None else "its test is gone"
    finally:
        for path, text in old.items():
            path.write_text(text, encoding="utf-8")


def run(mutants, jobs):
    bench = Workbench(ROOT / "build/mutants", jobs)
    copy_sources(bench.tree)
    bench.configure()
    targets = sorted({target for mutant in mutants for target in mutant.build.split()})
    output = bench.build(targets)
    if output:
        raise Misfit(f"the sources do not build:\n{output[-3000:]}")
    sick = {test: bench.failing(test) for test in dict.fromkeys(mutant.test for mutant in mutants)}
    for test, failed in sick.items():
        if failed is None or failed:
            raise Misfit(f"{test}: {'fails already' if failed else 'there is no such test'}")
    wrong = 0
    for mutant in sorted(mutants, key=lambda mutant: (mutant.build, mutant.name)):
        start = time.monotonic()
        killed, what = try_mutant(bench, mutant)
        wrong += not killed
        print(f"{'killed' if killed else 'ALIVE ':6} {mutant.name:32} {time.monotonic() - start:5.0f} s  {what}", flush=True)
    print(f"{len(mutants)} mutants, {len(mutants) - wrong} killed")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--check", action="store_true", help="only look whether every patch fits")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    try:
        mutants = all_mutants(arguments.names)
        return check(mutants) if arguments.check else run(mutants, arguments.jobs)
    except Misfit as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
