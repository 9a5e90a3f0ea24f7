"""Times encoding against Hugging Face `tokenizers` and `tiktoken`, in turns, one thread on one core:

    python3 bench/compare_tokenizers.py --program build/release/bin/temper-bench-tokenizer --material DIR \\
        [--repeats 5] [--vocabularies phi2,...] [--cores 0,1] [--venv build/bench/tokenizers] [--results bench/results]

DIR has data/medquad.jsonl.gz, tokenizers/*-tokenizer.json and tokenizers/cl100k_base.tiktoken, which
both temper and tiktoken read as it is. The peers are installed into --venv (unless it is there). All
of MedQuAD must give the same ids everywhere, or this fails. The other texts are made, so that a cache
of words helps little or not at all. At last two threads and, as the limit of what these two cores
have, two processes of one thread at the same time, each against one thread: medians of the ratios
within --scaling-rounds rounds. Prints a table and writes it to RESULTS/DATE-tokenizers.md."""
import argparse, datetime, gzip, json, os, pathlib, platform, random, statistics, subprocess, sys, venv

HERE = pathlib.Path(__file__).resolve().parent
PEERS = ["tokenizers", "tiktoken"]
# Whether tiktoken can do it, too: it is for byte-level ones, and of phi2's added tokens, which are
# rows of spaces, it does not take the longest.
FILES = {"llama3-style": True, "qwen2-style": True, "phi2": False, "llama2": False, "cl100k_base": True}
# First and last letters of scripts whose words are written with spaces, and of two without.
SPACED = [(0x430, 0x44F), (0x3B1, 0x3C9), (0x561, 0x586), (0x5D0, 0x5EA), (0x627, 0x64A), (0x905, 0x939),
          (0xAC00, 0xD7A3), (0xE0, 0xFF), (0x61, 0x7A)]
UNSPACED = [(0x4E00, 0x9FA5), (0x3041, 0x3096)]
MADE_BYTES = 4_000_000


class Tool:
    """A program that answers lines of texts with seconds, number of ids and their hash."""

    def __init__(self, command, cores):
        self.process = subprocess.Popen(["taskset", "-c", cores, *command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def start(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def finish(self):
        seconds, count, ids_hash = self.process.stdout.readline().split()
        return float(seconds), (int(count), int(ids_hash))

    def encode(self, line):
        self.start(line)
        return self.finish()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def medquad(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    return [text for r in records for text in (r["prompt"], r["completion"])]


def multilingual():
    """Sentences of made words in many scripts."""
    r = random.Random(1)
    texts, size = [], 0
    while size < MADE_BYTES:
        low, high = r.choice(SPACED + UNSPACED)
        gap = " " if (low, high) in SPACED else ""
        text = gap.join("".join(chr(r.randint(low, high)) for _ in range(r.randint(2, 9)))
                        for _ in range(r.randint(20, 200))) + "."
        texts.append(text)
        size += len(text.encode())
    return texts


def high_entropy():
    """Printable ASCII at random: no word twice."""
    r = random.Random(2)
    return ["".join(chr(r.randint(33, 126)) for _ in range(2000)) for _ in range(MADE_BYTES // 2000)]


def peer_python(folder):
    python = pathlib.Path(folder) / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
    code = "import importlib.metadata as m; print(*(m.version(p) for p in %r))" % PEERS
    versions = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    return str(python), dict(zip(PEERS, versions))


def in_turns(tools, line, repeats):
    """The median seconds of each tool and what it answered first; a first round warms up."""
    first = {name: tool.encode(line)[1] for name, tool in tools.items()}
    seconds = {name: [] for name in tools}
    for _ in range(repeats):
        for name, tool in tools.items():
            seconds[name].append(tool.encode(line)[0])
    return {name: statistics.median(s) for name, s in seconds.items()}, first


def check_equal(file, first):
    if len(set(first.values())) != 1:
        sys.exit(f"{file}: MedQuAD does not give the same ids: {first}")


def scaling(options, path, line):
    """Median ratios to one thread: of two threads, and of two processes at the same time, which is what the
    two cores have to give: twice the texts in the time of the slower one."""
    first, second = options.cores.split(",")[:2]
    one, two = Tool([options.program, path, "1", "warm"], first), Tool([options.program, path, "2", "warm"], options.cores)
    pair = [Tool([options.program, path, "1", "warm"], core) for core in (first, second)]
    threads, processes = [], []
    for number in range(options.scaling_rounds + 1):
        alone = one.encode(line)[0]
        together = two.encode(line)[0]
        for tool in pair:
            tool.start(line)
        slower = max(tool.finish()[0] for tool in pair)
        if number > 0:  # the first warms up
            threads.append(alone / together)
            processes.append(2 * alone / slower)
    for tool in (one, two, *pair):
        tool.close()
    return statistics.median(threads), statistics.median(processes)


def tokenizer_path(material, name):
    file = f"{name}.tiktoken" if name == "cl100k_base" else f"{name}-tokenizer.json"
    return str(material / "tokenizers" / file)


def measure(options, python):
    material = pathlib.Path(options.material)
    sets = {"MedQuAD": medquad(material / "data" / "medquad.jsonl.gz"), "multilingual": multilingual(),
            "high entropy": high_entropy()}
    lines = {name: json.dumps(texts, ensure_ascii=False) + "\n" for name, texts in sets.items()}
    megabytes = {name: sum(len(t.encode()) for t in texts) / 1e6 for name, texts in sets.items()}
    one_core = options.cores.split(",")[0]
    rows = []
    for file in options.vocabularies.split(","):
        has_tiktoken = FILES[file]
        path = tokenizer_path(material, file)
        for cache in ("warm", "cold"):
            tools = {"temper": Tool([options.program, path, "1", cache], one_core)}
            for name, kind in (("tokenizers", "hf"), ("tiktoken", "tiktoken")):
                if has_tiktoken if kind == "tiktoken" else path.endswith(".json"):
                    tools[name] = Tool([python, "-I", str(HERE / "tokenizer_peer.py"), kind, path, cache], one_core)
            for name in sets if cache == "warm" else ["MedQuAD"]:
                seconds, first = in_turns(tools, lines[name], options.repeats)
                if name == "MedQuAD":
                    check_equal(file, first)
                label = name if cache == "warm" else f"{name}, cold cache"
                rows.append((file, label, {n: megabytes[name] / s for n, s in seconds.items()}))
                print(rows[-1], flush=True)
            for tool in tools.values():
                tool.close()
    path = tokenizer_path(material, "llama3-style")
    return megabytes, rows, scaling(options, path, lines["MedQuAD"])


def report(options, versions, megabytes, rows, speed_up):
    peers = ", ".join(f"{name} {version}" for name, version in versions.items())
    out = [f"# Tokenizing, one thread ({datetime.date.today()})", "",
           f"`bench/compare_tokenizers.py`, {options.repeats} rounds in turns, medians, MB/s of UTF-8; {peers}; "
           f"{platform.machine()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the end. "
           f"MedQuAD is {megabytes['MedQuAD']:.1f} MB, the same ids everywhere; the other texts are made.", "",
           "| vocabulary | text | temper | tokenizers | tiktoken | times the faster peer |", "|---|---|---|---|---|---|"]
    for file, text, speeds in rows:
        best = max(speed for name, speed in speeds.items() if name != "temper")
        cells = [f"{speeds[n]:.1f}" if n in speeds else "-" for n in ("temper", "tokenizers", "tiktoken")]
        out.append(f"| {file} | {text} | {' | '.join(cells)} | {speeds['temper'] / best:.1f} |")
    out += ["", f"llama3-style, MedQuAD, cores {options.cores}: two threads {speed_up[0]:.2f} times one thread; two "
            f"processes of one thread at the same time, the limit of the machine, {speed_up[1]:.2f} times (medians of "
            f"the ratios of {options.scaling_rounds} rounds in turns).", ""]
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--material", required=True)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scaling-rounds", type=int, default=15)
    parser.add_argument("--vocabularies", default=",".join(FILES))
    parser.add_argument("--cores", default="0,1")
    parser.add_argument("--venv", default="build/bench/tokenizers")
    parser.add_argument("--results", default=str(HERE / "results"))
    options = parser.parse_args()
    python, versions = peer_python(options.venv)
    text = report(options, versions, *measure(options, python))
    print(text)
    results = pathlib.Path(options.results)
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{datetime.date.today()}-tokenizers.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
