#!/usr/bin/env python3
"""What the same bits on every machine cost: temper's steps with MKL held to results that repeat
(MKL_CBWR=AUTO, which temper-rank sets) and without (OFF), interleaved, on the model of
compare_peers.py. The sums over ranks in a fixed order are temper-bench-collectives' matter.

    bench/determinism.py [--bin build/release/bin] [--repetitions 5] [--cores 0,1]

Quiet machine only; pinned to two cores.
"""
import argparse
import os
import pathlib
import statistics

from compare_peers import ROOT, TOKENS_PER_STEP, prepare, run_temper


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/bench/work")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--cores", default="0,1", help="empty: not pinned")
    options = parser.parse_args()
    options.warmup = 1
    options.pin = ["taskset", "-c", options.cores] if options.cores else []
    options.bin, work = options.bin.resolve(), options.work.resolve()
    prepare(work, options.bin / "temper", options.steps)

    print("| | MKL_CBWR=AUTO, tok/s | OFF, tok/s | AUTO / OFF, each repetition |\n|---|---|---|---|")
    for mode in ("full", "lora"):
        speeds = {"AUTO": [], "OFF": []}
        for _ in range(options.repetitions):
            for setting, speed in speeds.items():
                os.environ["MKL_CBWR"] = setting
                speed.append(TOKENS_PER_STEP / run_temper(options, work, mode)["step_seconds"])
        median = {setting: statistics.median(speed) for setting, speed in speeds.items()}
        ratios = sorted(a / o for a, o in zip(speeds["AUTO"], speeds["OFF"]))
        print(f"| {mode} | {median['AUTO']:.0f} | {median['OFF']:.0f} | "
              f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}) |", flush=True)


if __name__ == "__main__":
    main()
