#!/usr/bin/env python3
"""The bytes that a rank receives in a step, beside the least that the algorithm can do with.

    bench/traffic.py [--bin build/release/bin] [--work build/bench/work]

Ranks that pretend to be on nodes of their own, so that nothing is read from shared memory, train the
model of compare_peers.py for some steps and for twice as many; the difference is what the steps
received, as ProcessGroup counted it. Full fine-tuning has to gather every weight for the forward and
once more for the backward and to reduce every gradient: the textbook's 3 N x 4 bytes x (p - 1) / p a
round. The least is that without the head and the last block, which stay gathered between forward and
backward, and without the embedding, whose backward reads no weight. LoRA has to gather the adapters
once a step and to reduce their gradients every round. On one node the same bytes are read in place;
they are listed apart.
"""
import argparse
import json
import os
import pathlib
import subprocess

from compare_peers import HEADS, HIDDEN, INTERMEDIATE, KV_HEADS, ROOT, VOCAB, prepare

STEPS = 2
KV = HIDDEN // HEADS * KV_HEADS


def counted(options, mode, ranks, rounds, steps, nodes):
    out = options.work / "run"
    subprocess.run(["rm", "-rf", out], check=True)
    lora = "adapter: lora\nlora_r: 16\nlora_alpha: 32\nlora_target_modules: all-linear\n"
    (options.work / "traffic.yaml").write_text(
        f"base_model: model\ndatasets: [{{path: rows.h5}}]\noutput_dir: run\n"
        f"micro_batch_size: 1\nglobal_batch_size: {ranks * rounds}\nmax_steps: {steps}\n"
        f"logging_steps: 1\ndevice: cpu\n" + (lora if mode == "lora" else ""))
    env = {**os.environ, "TEMPER_TEST_RANKS_PER_NODE": "1"} if nodes else os.environ
    subprocess.run([options.bin / "temper", "train", options.work / "traffic.yaml", "--nproc",
                    str(ranks)], check=True, env=env, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    events = {e["event"]: e for e in map(json.loads, open(out / "metrics.jsonl"))}
    first = events["ranks"]["ranks"][0]
    return (sum(first["received_bytes"].values()), first["shared_read_bytes"],
            events["start"]["trainable_parameters"])


def row(options, mode, ranks, rounds, nodes):
    short, long = (counted(options, mode, ranks, rounds, n, nodes) for n in (STEPS, 2 * STEPS))
    received, read = ((b - a) / STEPS for a, b in zip(short[:2], long[:2]))
    weights = short[2]
    share = 4 * (ranks - 1) / ranks
    if mode == "full":
        textbook = 3 * weights * share * rounds
        block = HIDDEN * (2 * HIDDEN + 2 * KV) + 3 * HIDDEN * INTERMEDIATE + 2 * HIDDEN
        least = (3 * weights - 2 * VOCAB * HIDDEN - HIDDEN - block) * share * rounds
    else:
        textbook = least = (rounds + 1) * weights * share
    total = received if nodes else read
    print(f"| {mode} | {ranks}, {'a node each' if nodes else 'one node'} | {rounds} "
          f"| {received / 2**20:.2f} | {read / 2**20:.2f} | {textbook / 2**20:.2f} "
          f"| {total / textbook:.3f} | {total / least:.3f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/bench/work")
    options = parser.parse_args()
    options.bin, options.work = options.bin.resolve(), options.work.resolve()
    prepare(options.work, options.bin / "temper", 10)
    print("| | ranks | rounds a step | MiB received a step | MiB read in place | textbook, MiB "
          "| of textbook | of the least |\n|---|---|---|---|---|---|---|---|")
    for mode in ("full", "lora"):
        for ranks, rounds, nodes in ((2, 1, True), (2, 2, True), (4, 1, True), (2, 1, False)):
            row(options, mode, ranks, rounds, nodes)


if __name__ == "__main__":
    main()
