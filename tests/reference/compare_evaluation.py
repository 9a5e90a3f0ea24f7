"""Compares the figures of `temper eval` with transformers' on the same rows, and between rank counts.

    python tests/reference/compare_evaluation.py --temper build/release/bin/temper --model DIR \\
        --data FILE.h5 [--rows 50]

Every document of the packed rows goes through transformers alone; the loss sum over the supervised
tokens must agree to 1e-4 relative, bits per byte with the bytes of the decoded supervised text, and 1,
2 and 4 ranks must give the same bits. Exits 1 otherwise.

Needs torch, transformers and h5py in a throw-away environment; not run by CI.
Last run: see docs/results/evaluation.md.
"""

import argparse
import json
import math
import subprocess
import sys

import h5py
import numpy as np
import torch
from transformers import AutoModelForCausalLM


def reference(model_directory, path, num_rows):
    model = AutoModelForCausalLM.from_pretrained(model_directory, dtype=torch.float32).eval()
    total, count = 0.0, 0
    with h5py.File(path) as file, torch.no_grad():
        for row in range(min(num_rows, len(file["rows/num_targets"]))):
            first, last = file["rows/first_document"][row:row + 2]
            ends = np.cumsum(file["documents/length"][first:last])
            tokens, supervised = file["rows/tokens"][row], file["rows/supervised"][row]
            for begin, end in zip([0, *ends[:-1]], ends):
                ids = torch.tensor(tokens[begin:end].astype(np.int64))[None]
                learnt = torch.tensor(supervised[begin + 1:end].astype(bool))
                if not learnt.any():
                    continue
                logits = model(ids).logits[0, :-1].double()
                losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
                total += losses[learnt].sum().item()
                count += int(learnt.sum())
    return total, count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--temper", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, default=50)
    options = parser.parse_args()
    sets = []
    for ranks in (1, 2, 4):
        command = [options.temper, "eval", "--model", options.model, "--data", f"set={options.data}",
                   "--limit", options.rows, "--nproc", ranks, "--json"]
        out = subprocess.run([str(c) for c in command], check=True, text=True, stdout=subprocess.PIPE).stdout
        sets.append(json.loads(out)["sets"][0])
    total, count = reference(options.model, options.data, options.rows)
    ours = sets[0]
    difference = abs(ours["loss_sum"] - total) / total
    bits = ours["loss_sum"] / math.log(2) / ours["bytes"]
    print(f"loss sum {ours['loss_sum']:.6f} and {total:.6f} over {count} targets: {difference:.1e} apart; "
          f"bits per byte {ours['bits_per_byte']:.6f}; same bits on 1, 2, 4 ranks: "
          f"{sets[0] == sets[1] == sets[2]}")
    good = difference < 1e-4 and ours["targets"] == count and abs(bits - ours["bits_per_byte"]) < 1e-9
    return 0 if good and sets[0] == sets[1] == sets[2] else 1


if __name__ == "__main__":
    sys.exit(main())
