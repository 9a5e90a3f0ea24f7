#!/usr/bin/env python3
"""Evaluation and generation speed against transformers, interleaved in one run on the same records.

    bench/evaluation.py [--bin build/release/bin] [--python PYTHON] [--repetitions 3] [--quick]

The model is that of compare_peers.py. Held-out loss: records whose answers are as long as those of
MedQuAD (log-normal, median 138 words, here at most a row), in tokens per second without padding;
`full rows` are raw text, one document a row: nothing to pad and nothing to leave out.
Answers: greedy, in new tokens per second. In `answers of one length` none ends before --max-new
tokens; in `answers that end` one token in 64 ends an answer, so lengths vary as people's do.

Both sides use one process with --threads threads, fp32 and the same cores. The peer is a plain loop
(bench/evaluation_peer.py) at several batch sizes; the first repetition finds the best of each task,
the others measure only that. Rates leave out loading; the whole commands' seconds are
printed, too. Losses must agree, and so must most of the answers' lengths, or nothing is printed. The
peer reads the packed ids, so tokenizers are not measured. PYTHON needs torch, transformers and h5py;
without it compare_peers.py's environment is used.
"""
import argparse
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys
import time

from compare_peers import CONFIG, HERE, ROOT, make_venv

ROW, TOKENS_A_WORD, STOP_IDS = 512, 1.4, CONFIG["vocab_size"] // 64
TASKS = {"records": "held-out loss, records", "rows": "held-out loss, full rows",
         "one_length": "answers of one length", "ending": "answers that end"}


def sh(*command, **kwargs):
    return subprocess.run([str(c) for c in command], check=True, text=True, stdout=subprocess.PIPE,
                          **kwargs).stdout


def write_lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def write_corpora(work):
    rng = random.Random(3)
    lines = open(work / "corpus/general_train.jsonl")
    words = " ".join(json.loads(line)["text"] for line in lines).split()
    at = 0

    def take(count):
        nonlocal at
        at += count
        return " ".join(words[(at - count + i) % len(words)] for i in range(count))

    def record():
        length = round(rng.lognormvariate(math.log(138), 0.9))
        return {"prompt": take(rng.randint(6, 16)), "completion": take(max(5, min(length, 280)))}
    write_lines(work / "records.jsonl", [record() for _ in range(40)])
    write_lines(work / "rows.jsonl", [{"text": take(700)} for _ in range(16)])
    write_lines(work / "questions.jsonl",
                [{"prompt": take(rng.randint(6, 60)), "completion": "-"} for _ in range(64)])


def write_models(work, temper):
    """The same model twice: one whose answers never end, one where many tokens end them. Weights
    ten times as wide as usual: with smaller ones greedy answers repeat themselves."""
    config = {**CONFIG, "pad_token_id": 2, "initializer_range": 0.2}
    for name, stop in (("one_length", 1), ("ending", [*range(3, 3 + STOP_IDS)])):
        (work / "config.json").write_text(json.dumps({**config, "eos_token_id": stop}))
        sh(temper, "new-model", "--config", work / "config.json", "--tokenizer",
           work / "tokenizer.json", "-o", work / name)


def prepare(work, temper):
    work.mkdir(parents=True, exist_ok=True)
    if (work / "questions.h5").exists():
        return
    sh(temper, "synth", "-o", work / "corpus", "--seed", "7")
    sh(temper, "new-tokenizer", work / "corpus/general_train.jsonl", "--vocab-size", 4096, "-o",
       work / "tokenizer.json")
    write_corpora(work)
    write_models(work, temper)
    for name in ("records", "rows", "questions"):
        sh(temper, "pack", work / f"{name}.jsonl", "-o", work / f"{name}.h5", "--model",
           work / "one_length", "--sequence-len", ROW, "--chat-template", "plain", "--overlong",
           "truncate", "--no-hygiene")


class Bench:
    def __init__(self, options):
        self.options = options
        self.temper = options.bin.resolve() / "temper"
        self.work = ROOT / "build/bench/evaluation"
        self.python = make_venv(options.python)
        self.batches = {task: options.loss_batches if task in ("records", "rows")
                        else options.answer_batches for task in TASKS}
        self.runs = {task: {"temper": [], "transformers": []} for task in TASKS}
        prepare(self.work, self.temper)

    def run_temper(self, task):
        command = [self.temper, "eval", "--model", self.work / model_of(task), "--json",
                   "--threads", self.options.threads]
        if task in ("records", "rows"):
            command += ["--data", f"rows={self.work / task}.h5"]
        else:
            command += ["--questions", self.work / "questions.jsonl", "--chat-template", "plain",
                        "--max-new-tokens", self.max_new(task), "--with-records"]
        began = time.time()
        out = json.loads(sh(*command))
        seconds = time.time() - began
        if task in ("records", "rows"):
            found = out["sets"][0]
            return {"rate": out["speed"]["held_out_tokens_per_second"], "loss": found["loss"],
                    "seconds": seconds}
        return {"rate": out["speed"]["generated_tokens_per_second"], "seconds": seconds,
                "lengths": [r["new_tokens"] for r in out["records"]]}

    def run_peer(self, task, batch):
        if task in ("records", "rows"):
            job = {"what": "loss", "data": str(self.work / f"{task}.h5"), "batch": batch}
        else:
            stop = [*range(3, 3 + STOP_IDS)] if task == "ending" else [1]
            job = {"what": "answers", "data": str(self.work / "questions.h5"), "stop": stop,
                   "max_new": self.max_new(task), "batch": batch}
        began = time.time()
        out = json.loads(sh(self.python, HERE / "evaluation_peer.py", "--model",
                            self.work / model_of(task), "--threads", self.options.threads, "--work",
                            json.dumps([job])))[0]
        return {**out, "rate": out["tokens_per_second"], "seconds": time.time() - began,
                "batch": batch}

    def max_new(self, task):
        return 16 if self.options.quick else 48 if task == "one_length" else 192

    def repeat(self):
        for task in TASKS:
            self.runs[task]["temper"].append(self.run_temper(task))
            tried = [self.run_peer(task, batch) for batch in self.batches[task]]
            best = max(tried, key=lambda run: run["rate"])
            self.batches[task] = [best["batch"]]
            self.runs[task]["transformers"].append(best)
            check(task, self.runs[task]["temper"][-1], best)
            print(task, [round(run["rate"]) for run in (self.runs[task]["temper"][-1], *tried)],
                  file=sys.stderr)

    def table(self):
        lines = ["| tokens/s | temper | transformers | its batch | ratio | whole commands, s |",
                 "|---|---:|---:|---:|---:|---:|"]
        for task, name in TASKS.items():
            ours, theirs = self.runs[task]["temper"], self.runs[task]["transformers"]
            rates = [statistics.median(r["rate"] for r in runs) for runs in (ours, theirs)]
            spans = [f"{min(r['rate'] for r in runs):.0f}-{max(r['rate'] for r in runs):.0f}"
                     for runs in (ours, theirs)]
            seconds = [statistics.median(r["seconds"] for r in runs) for runs in (ours, theirs)]
            lines.append(f"| {name} | {rates[0]:.0f} ({spans[0]}) | {rates[1]:.0f} ({spans[1]}) | "
                         f"{theirs[0]['batch']} | {rates[0] / rates[1]:.2f} | {seconds[0]:.1f}, "
                         f"{seconds[1]:.1f} |")
        return "\n".join(lines)


def model_of(task):
    return "ending" if task == "ending" else "one_length"


def check(task, ours, theirs):
    if "loss" in ours:
        if abs(ours["loss"] - theirs["loss"]) > 1e-4 * theirs["loss"]:
            sys.exit(f"{task}: the losses differ: {ours['loss']} and {theirs['loss']}")
        return
    # Where two logits are nearly equal the answers part.
    same = sum(a == b for a, b in zip(ours["lengths"], theirs["lengths"]))
    if same < 0.9 * len(ours["lengths"]):
        sys.exit(f"{task}: {same} of {len(ours['lengths'])} answers are of the same length: "
                 f"{ours['lengths']} and {theirs['lengths']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--python")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loss-batches", type=int, nargs="+", default=[1, 8],
                        help="of the peer")
    parser.add_argument("--answer-batches", type=int, nargs="+", default=[16, 32, 64],
                        help="of the peer")
    parser.add_argument("--quick", action="store_true", help="one repetition, short answers")
    options = parser.parse_args()
    bench = Bench(options)
    for _ in range(1 if options.quick else options.repetitions):
        bench.repeat()
    print(bench.table())


if __name__ == "__main__":
    main()
