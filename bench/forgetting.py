#!/usr/bin/env python3
"""What a specialist learns and forgets: MedQuAD on a small base, with and without replay.

A small base is pretrained on 80 % of WikiText-2's validation articles until its loss on another 10 %
is lowest; the last 10 % is the general text that is never trained on. Then full and LoRA tuning on
medical questions and answers, with 0, 5 and 20 % of the rows drawn from the pretraining text
(replay). Reports are made by `temper report`; the tables go to --result, without any record's text.

    bench/forgetting.py --data DIR --work DIR [--bin build/release/bin] [--nproc 1] [--quick]
                        [--result docs/results/forgetting.md]

DIR holds medquad.jsonl.gz and wikitext2-valid.txt. What is done already in --work is not done again.
"""
import argparse
import datetime
import gzip
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time

SEQUENCE_LEN = 384
REPLAY = (0.0, 0.05, 0.2)
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 2048,
    "hidden_size": 96, "intermediate_size": 256, "num_hidden_layers": 3,
    "num_attention_heads": 3, "num_key_value_heads": 3, "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": True,
    "rope_theta": 10000.0, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
    "initializer_range": 0.02, "torch_dtype": "float32"}
METHODS = {"full": "learning_rate: 1.0e-3\n",
           "lora": "adapter: lora\nlora_r: 16\nlora_alpha: 32\nlearning_rate: 5.0e-3\n"}


def write_lines(path, records):
    with open(path, "w") as out:
        for record in records:
            out.write(json.dumps(record) + "\n")


def articles(text):
    """WikiText's articles, as raw text: a title line has one "=" on each side."""
    parts = re.split(r"(?m)^ = (?!=)(.*[^=]) = $", text)
    bodies = [f"{title}\n{body}" for title, body in zip(parts[1::2], parts[2::2])]
    for old, new in ((" @-@ ", "-"), (" @,@ ", ","), (" @.@ ", "."), (" <unk>", "")):
        bodies = [body.replace(old, new) for body in bodies]
    return bodies


def prepare_corpora(data, work, records, seed=1):
    rng = random.Random(seed)
    general = articles((data / "wikitext2-valid.txt").read_text())
    rng.shuffle(general)
    tenth = len(general) // 10
    parts = {"general-train": general[2 * tenth:], "general-development": general[:tenth],
             "general-unseen": general[tenth:2 * tenth]}
    for name, bodies in parts.items():
        write_lines(work / f"{name}.jsonl", [{"text": body} for body in bodies])
    with gzip.open(data / "medquad.jsonl.gz", "rt") as lines:
        medical = [json.loads(line) for line in lines]
    # Short ones; a topic is either trained on or asked about, and an answer occurs once.
    seen, topics = set(), {}
    for record in medical:
        answer = " ".join(record["completion"].split())
        if not 40 <= len(answer) <= 900 or answer in seen:
            continue
        seen.add(answer)
        topics.setdefault(record["topic"], []).append(
            {"prompt": record["prompt"], "completion": answer, "topic": record["type"]})
    names = sorted(topics)
    rng.shuffle(names)
    wanted = {"medical-train": records, "medical-unseen": records // 8}
    for name, count in wanted.items():
        chosen = []
        while len(chosen) < count:
            chosen += topics[names.pop()]
        write_lines(work / f"{name}.jsonl", chosen)


def rows_of(temper, path):
    described = json.loads(subprocess.run([temper, "inspect", path, "--json"], check=True, text=True,
                                          stdout=subprocess.PIPE).stdout)
    return described["rows"]


def best_step(run):
    """Of the complete checkpoints, the one with the lowest test loss."""
    losses = {}
    for line in open(run / "metrics.jsonl"):
        entry = json.loads(line)
        if entry["event"] == "test_loss":
            losses[entry["step"]] = entry["loss"]
    steps = [step for step in losses if (run / f"step-{step}").is_dir()]
    return min(steps, key=lambda step: losses[step])


def frontier_of(points):
    """Names of the runs that no other is better than in both."""
    return {a["name"] for a in points
            if not any(b["test_loss"] < a["test_loss"] and b["rise"] < a["rise"] for b in points)}


def answers_line(title, evaluation):
    differences = {entry["name"]: entry for entry in evaluation["comparison"]}
    cells = [title]
    for name in ("token F1", "ROUGE-L"):
        entry = differences[name]
        cells.append(f"{entry['difference']:+.3f} ({entry['low']:+.3f} to {entry['high']:+.3f})")
    audit = evaluation["memorisation"]
    cells.append(f"{audit['train']['verbatim']} of {audit['train']['answers']}, "
                 f"{audit['held_out']['verbatim']} of {audit['held_out']['answers']}")
    cells.append(f"{audit['train']['longest_run_words']}")
    return "| " + " | ".join(cells) + " |"


class Experiment:
    def __init__(self, options):
        self.work, self.nproc = options.work.resolve(), options.nproc
        self.temper = (options.bin / "temper").resolve()
        self.quick = options.quick
        self.seconds = {}

    def run(self, *arguments, output=None):
        with open(self.work / output if output else os.devnull, "w") as out:
            subprocess.run([self.temper, *map(str, arguments)], check=True, cwd=self.work, stdout=out)

    def pack(self, name):
        if not (self.work / f"{name}.h5").exists():
            topic = ["--topic", "topic"] if name.startswith("medical") else []
            self.run("pack", f"{name}.jsonl", "-o", f"{name}.h5", "--model", "empty",
                     "--sequence-len", SEQUENCE_LEN, "--chat-template", "plain", "--overlong",
                     "truncate", "--overlap", "report", *topic)

    def train(self, name, yaml):
        (self.work / f"{name}.yaml").write_text(yaml + f"output_dir: {name}\n")
        began = time.time()
        self.run("train", f"{name}.yaml", "--nproc", self.nproc)
        self.seconds[name] = time.time() - began

    def pretrain(self):
        if (self.work / "base").exists():
            return
        self.train("run-base", f"""base_model: empty
datasets: [{{path: general-train.h5}}]
test_datasets: [{{path: general-development.h5}}]
micro_batch_size: 2
global_batch_size: 8
num_epochs: {1 if self.quick else 9}
learning_rate: 3.0e-3
lr_scheduler: cosine
warmup_steps: 20
weight_decay: 0.1
adam_beta2: 0.95
eval_steps: {10 if self.quick else 80}
save_steps: {10 if self.quick else 80}
early_stopping_patience: 3
logging_steps: 80
""")
        step = best_step(self.work / "run-base")
        self.run("export", f"run-base/step-{step}", "-o", "base")

    def tune(self, method, replay):
        name = f"run-{method}-replay-{replay:g}"
        if (self.work / f"{name}.yaml").exists():  # begun: the same command goes on, or finds it done
            self.run("train", f"{name}.yaml", "--nproc", self.nproc)
            return
        domain = rows_of(self.temper, self.work / "medical-train.h5")
        datasets = "  - {path: medical-train.h5}\n"
        if replay > 0:
            datasets += f"  - {{path: general-train.h5, share: {replay}}}\n"
        steps = round(domain / (1 - replay) * (1 if self.quick else 2) / 8)
        each = max(1, steps // 6)
        self.train(name, f"""base_model: base
{METHODS[method]}datasets:
{datasets}test_datasets: [{{path: medical-unseen.h5}}]
general_datasets: [{{path: general-unseen.h5}}]
micro_batch_size: 2
global_batch_size: 8
max_steps: {steps}
lr_scheduler: cosine
warmup_steps: 10
eval_steps: {each}
save_steps: {each}
save_total_limit: 0
logging_steps: 80
""")

    def evaluate(self, name):
        """Answers to unseen questions by base and tuned model, and what comes back of the training's."""
        step = self.figures(name)["verdict"]["checkpoint"].split("-")[-1]
        if not (self.work / name / f"eval/step-{step}.json").exists():
            self.run("eval", f"{name}/step-{step}", "--base", "--questions", "medical-unseen.jsonl",
                     "--memorisation", "medical-train.jsonl", "--limit", 10 if self.quick else 60,
                     "--max-new-tokens", 96, "--nproc", self.nproc)

    def figures(self, *runs):
        self.run("report", *runs, "--json", output="report.json")
        return json.loads((self.work / "report.json").read_text())

    def report(self, result):
        """The page of all runs with its frontier, and their end points as tables."""
        runs = [f"run-{method}-replay-{replay:g}" for method in METHODS for replay in REPLAY]
        points = {run["name"]: run for run in self.figures(*runs)["forgetting"]["runs"]}
        frontier = frontier_of(points.values())
        self.run("report", *sorted(runs, key=lambda name: points[name]["test_loss"]), "-o",
                 "frontier.html")
        lines = [f"Made on {datetime.date.today()} by `bench/forgetting.py`.", "",
                 "| run | step | medical loss, unseen | from the base's | bits/byte | general loss | "
                 "from the base's | frontier |", "|---|---:|---:|---:|---:|---:|---:|---|"]
        answers = ["| run | token F1, minus the base's (95 %) | ROUGE-L, minus the base's (95 %) | "
                   "verbatim: trained on, unseen | longest run of words |", "|---|---:|---:|---:|---:|"]
        for name in runs:
            described, run = self.figures(name), points[name]
            test, general = (next(s for s in described["held_out"] if s["kind"] == kind)
                             for kind in ("test", "general"))
            title = name[4:].replace("-replay-", ", replay ")
            lines.append(f"| {title} | {run['step']} | {test['loss']:.4f} | {test['change']:+.1%} | "
                         f"{test['bits_per_byte']:.3f} | {general['loss']:.4f} | "
                         f"{general['change']:+.1%} | {'yes' if name in frontier else ''} |")
            answers.append(answers_line(title, described["evaluation"]))
        text = "\n".join([*lines, "", *answers]) + "\n"
        print(text)
        if result:
            result.write_text("# What a specialist learns and forgets\n\n" + text)

    def all(self, data, records):
        self.work.mkdir(parents=True, exist_ok=True)
        if not (self.work / "medical-unseen.jsonl").exists():
            prepare_corpora(data, self.work, records)
        (self.work / "config.json").write_text(json.dumps(CONFIG))
        if not (self.work / "empty").exists():
            self.run("new-tokenizer", "general-train.jsonl", "medical-train.jsonl", "--vocab-size",
                     2048, "-o", "tokenizer.json")
            self.run("new-model", "--config", "config.json", "--tokenizer", "tokenizer.json", "-o",
                     "empty", "--seed", 1)
        for name in ("general-train", "general-development", "general-unseen", "medical-train",
                     "medical-unseen"):
            self.pack(name)
        self.pretrain()
        for method in METHODS:
            for replay in REPLAY:
                self.tune(method, replay)
                self.evaluate(f"run-{method}-replay-{replay:g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--bin", type=pathlib.Path, default="build/release/bin")
    parser.add_argument("--nproc", type=int, default=1)
    parser.add_argument("--records", type=int, default=600)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--result", type=pathlib.Path)
    options = parser.parse_args()
    experiment = Experiment(options)
    experiment.all(options.data, 200 if options.quick else options.records)
    experiment.report(options.result)
    print(json.dumps(experiment.seconds), file=sys.stderr)


if __name__ == "__main__":
    main()
