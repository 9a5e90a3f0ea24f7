#!/usr/bin/env python3
"""Planned memory of runs against what the kernel measured: a table for docs/results/memory.md.

    bench/memory_plan.py RUN.yaml [--bin build/release/bin] [--quick] [--only TEXT]

Each case is a few steps of RUN.yaml with other settings; nothing depends on the machine's speed. The
measured figure is the peak PSS of a rank: other processes that run the same LibTorch lower it, so that
nothing of the kind should run beside.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

MIB = 1 << 20

FULL = []
LORA = ["adapter=lora", "lora_r=16", "lora_target_modules=all-linear"]
CHECKPOINTED = ["gradient_checkpointing=true"]
EVERY_SECOND = CHECKPOINTED + ["gradient_checkpointing_every=2"]

# Name, ranks, settings.
CASES = [
    ("full", 1, FULL),
    ("full", 2, FULL),
    ("full, checkpointing", 1, FULL + CHECKPOINTED),
    ("full, checkpointing", 2, FULL + CHECKPOINTED),
    ("full, checkpointing every 2", 2, FULL + EVERY_SECOND),
    ("full, micro batch 1", 2, FULL + ["micro_batch_size=1"]),
    ("full, saves in the background", 2, FULL + ["save_steps=1"]),
    ("full, reduce once", 2, FULL + ["reduce_gradients=once_per_step"]),
    ("LoRA", 1, LORA),
    ("LoRA", 2, LORA),
    ("LoRA, checkpointing", 2, LORA + CHECKPOINTED),
    ("LoRA, checkpointing every 2", 2, LORA + EVERY_SECOND),
    ("LoRA, micro batch 1", 2, LORA + ["micro_batch_size=1"]),
    ("LoRA, dropout", 2, LORA + ["lora_dropout=0.1"]),
    ("LoRA, base replicated", 2, LORA + ["base_placement=replicated"]),
    ("LoRA, base sharded", 2, LORA + ["base_placement=sharded"]),
]
QUICK = {("full", 2), ("LoRA", 2), ("full, checkpointing", 1)}


def run_case(options, folder, ranks, settings):
    output = Path(folder) / "run"
    command = [options.bin / "temper", "train", options.run, "--nproc", str(ranks), "--resume",
               "never"]
    micro_batch = next((s.split("=")[1] for s in settings if s.startswith("micro_batch_size=")),
                       str(options.micro_batch))
    common = [f"output_dir={output}", f"micro_batch_size={micro_batch}",
              f"global_batch_size={int(micro_batch) * ranks}", f"max_steps={options.steps}"]
    for setting in common + settings + options.set:
        command += ["--set", setting]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    events = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    plan = next(event for event in events if event["event"] == "memory_plan")
    return plan, [event for event in events if event["event"] == "ranks"][-1]["ranks"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--bin", type=Path, default=Path("build/release/bin"))
    parser.add_argument("--micro-batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name has this")
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    print("| run | ranks | planned MiB a rank | of it activations | measured, each rank | "
          "difference of the largest |\n|---|---|---|---|---|---|")
    for name, ranks, settings in CASES:
        if options.only not in name or (options.quick and (name, ranks) not in QUICK):
            continue
        with tempfile.TemporaryDirectory() as folder:
            plan, measured = run_case(options, folder, ranks, settings)
        peaks = [rank["peak_pss_bytes"] / MIB for rank in measured]
        planned = max(rank["planned_bytes"] for rank in measured) / MIB
        print(f"| {name} | {ranks} | {planned:,.0f} | {plan['rank']['activations'] / MIB:,.0f} | "
              f"{', '.join(f'{peak:,.0f}' for peak in peaks)} | "
              f"{100 * (max(peaks) - planned) / planned:+.1f}% |", flush=True)


if __name__ == "__main__":
    main()
