#!/usr/bin/env python3
"""Evaluation and generation speed against transformers, interleaved in one run on the same rows.

    bench/evaluation.py [--bin build/release/bin] [--python PYTHON] [--repetitions 5] [--quick]

Held-out loss: tokens per second of packed rows, one at a time, against a plain loop over transformers'
model with the same rows. Generation: new tokens per second of greedy answers in batches of 16, against
transformers' generate with the same batches padded on the left. Both use one process with --threads
threads; loading is not counted. The peer's loss must agree, or nothing is printed. PYTHON needs torch,
transformers and h5py; without it bench/compare_peers.py's environment is used.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

from compare_peers import ROOT, make_venv

PEER = r"""
import json, sys, time
import h5py, numpy as np, torch
from transformers import AutoModelForCausalLM
model_directory, data, questions, num_rows, max_new, threads = sys.argv[1:7]
torch.set_num_threads(int(threads))
model = AutoModelForCausalLM.from_pretrained(model_directory, dtype=torch.float32).eval()
with h5py.File(data) as file:
    rows = file["rows/tokens"][:int(num_rows)].astype(np.int64)
    supervised = file["rows/supervised"][:int(num_rows)].astype(bool)
prompts = json.load(open(questions))
with torch.no_grad():
    model(torch.tensor(rows[:1]))
    began, total = time.perf_counter(), 0.0
    for ids, learnt in zip(rows, supervised):
        ids = torch.tensor(ids)[None]
        labels = torch.where(torch.tensor(learnt)[None], ids, -100)
        total += model(ids, labels=labels).loss.item() * learnt.sum()
    evaluation = rows.size / (time.perf_counter() - began)
    pad, generated, began = 2, 0, time.perf_counter()
    for first in range(0, len(prompts), 16):
        batch = prompts[first:first + 16]
        width = max(map(len, batch))
        ids = torch.tensor([[pad] * (width - len(p)) + p for p in batch])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in batch])
        out = model.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=int(max_new),
                             eos_token_id=-1, pad_token_id=pad)
        generated += (out.shape[1] - width) * len(batch)
    generation = generated / (time.perf_counter() - began)
print(json.dumps({"evaluation": evaluation, "generation": generation, "loss": total / supervised.sum()}))
"""
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 512,
    "num_hidden_layers": 8, "num_attention_heads": 8, "num_key_value_heads": 4,
    "intermediate_size": 1408, "vocab_size": 4096, "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "initializer_range": 0.02,
    "tie_word_embeddings": False, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}


def sh(*command, **kwargs):
    return subprocess.run([str(c) for c in command], check=True, text=True, stdout=subprocess.PIPE,
                          **kwargs).stdout


def prepare(work, temper):
    """The model, rows of one document each (so that the peer needs no packing), and questions."""
    work.mkdir(parents=True, exist_ok=True)
    if (work / "questions.jsonl").exists():
        return
    sh(temper, "synth", "-o", work / "corpus", "--seed", "7")
    corpus = work / "corpus/general_train.jsonl"
    text = " ".join(json.loads(line)["text"] for line in open(corpus))
    with open(work / "long.jsonl", "w") as out:
        for begin in range(0, 400_000, 4000):
            out.write(json.dumps({"text": text[begin:begin + 4000]}) + "\n")
    (work / "config.json").write_text(json.dumps(CONFIG))
    sh(temper, "new-tokenizer", corpus, "--vocab-size", 4096, "-o", work / "tokenizer.json")
    sh(temper, "new-model", "--config", work / "config.json", "--tokenizer", work / "tokenizer.json",
       "-o", work / "model")
    sh(temper, "pack", work / "long.jsonl", "-o", work / "rows.h5", "--model", work / "model",
       "--sequence-len", 512, "--no-hygiene")
    lines = open(work / "corpus/specialist_test.jsonl").readlines()[:64]
    (work / "questions.jsonl").write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--python")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    temper = options.bin.resolve() / "temper"
    work = ROOT / "build/bench/evaluation"
    prepare(work, temper)
    num_rows, max_new = (8, 16) if options.quick else (40, 64)
    # The peer gets ids: its tokenizer is not measured.
    rendered = [{"text": json.loads(line)["prompt"]} for line in open(work / "questions.jsonl")]
    ids = sh(temper, "tokenize", "--tokenizer", work / "tokenizer.json",
             input="".join(json.dumps(line) + "\n" for line in rendered))
    (work / "prompts.json").write_text(json.dumps(
        [json.loads(line)["ids"] for line in ids.splitlines()]))
    python = make_venv(options.python)
    runs = {"temper": [], "transformers": []}
    for _ in range(1 if options.quick else options.repetitions):
        # --limit is for rows and questions alike, so the two are measured one after the other.
        base = [temper, "eval", "--model", work / "model", "--json", "--threads", options.threads]
        held_out = json.loads(sh(*base, "--data", f"rows={work / 'rows.h5'}", "--limit", num_rows))
        answers = json.loads(sh(*base, "--questions", work / "questions.jsonl", "--chat-template",
                                "plain", "--max-new-tokens", max_new))
        runs["temper"].append({"evaluation": held_out["speed"]["held_out_tokens_per_second"],
                               "generation": answers["speed"]["generated_tokens_per_second"],
                               "loss": held_out["sets"][0]["loss"]})
        runs["transformers"].append(json.loads(sh(
            python, "-c", PEER, work / "model", work / "rows.h5", work / "prompts.json", num_rows,
            max_new, options.threads)))
    ours, theirs = runs["temper"][0]["loss"], runs["transformers"][0]["loss"]
    if abs(ours - theirs) > 1e-4 * theirs:
        sys.exit(f"the losses differ: {ours} and {theirs}")
    print(f"{'':<44}{'temper':>12}{'transformers':>14}{'ratio':>8}")
    for key, name in (("evaluation", "held-out loss, tokens/s (with padding)"),
                      ("generation", "greedy answers, new tokens/s")):
        medians = [statistics.median(run[key] for run in runs[who]) for who in runs]
        spreads = [f"{min(run[key] for run in runs[who]):.0f}-{max(run[key] for run in runs[who]):.0f}"
                   for who in runs]
        print(f"{name:<44}{medians[0]:>12.0f}{medians[1]:>14.0f}{medians[0] / medians[1]:>8.2f}  "
              f"({spreads[0]}; {spreads[1]})")


if __name__ == "__main__":
    main()
