#!/usr/bin/env python3
"""From JSONL to LoRA steps: temper against TRL with peft, interleaved, on the same two cores.

    bench/compare_trl.py [--records FILE.jsonl] [--python PYTHON]

Both pack the same questions and answers into rows of 512 tokens, learn the answers only and take the
same steps of 8 rows with LoRA (r = 16, all linear modules) on the model of compare_peers.py. What
counts is supervised tokens a second: each contender's own packing decides how many are in a row. TRL
runs as one process with two threads and as two processes (DDP), as shipped and with malloc tuned; the
first repetition finds the fastest of them, the others measure only that. Without --records the questions are those of `temper synth`.
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from compare_peers import HERE, PACKAGES, RANKS, ROOT, SEQUENCE_LEN, TUNED_MALLOC, cpu_name, prepare, sh

ROWS_PER_STEP = 8
# Nothing after the end of a turn, which TRL would learn and temper would not.
TEMPLATE = ("{%- for message in messages -%}{{ '<s>' + message['role'] + '\\n' + message['content'] + "
            "'</s>' }}{%- endfor -%}{%- if add_generation_prompt -%}{{ '<s>assistant\\n' }}"
            "{%- endif -%}")


def make_venv(python):
    if python:
        return pathlib.Path(python)
    venv = ROOT / "build/bench/trl-venv"
    if not (venv / "ready").exists():
        sh([sys.executable, "-m", "venv", venv])
        sh([venv / "bin/pip", "install", "--quiet", *PACKAGES, "trl==1.16.0", "datasets", "accelerate"])
        (venv / "ready").touch()
    return venv / "bin/python"


def run_temper(options, work):
    begin = time.time()
    packed = json.loads(sh([*options.pin, options.bin / "temper", "pack", options.records, "-o",
                            work / "trl.h5", "--model", work / "model", "--chat-template",
                            work / "template.jinja", "--sequence-len", SEQUENCE_LEN, "--overlong",
                            "drop", "--no-hygiene", "--json"], stdout=subprocess.PIPE).stdout)
    subprocess.run(["rm", "-rf", work / "run"], check=True)
    (work / "trl.yaml").write_text(
        f"base_model: model\ndatasets: [{{path: trl.h5}}]\noutput_dir: run\nmicro_batch_size: "
        f"{ROWS_PER_STEP // RANKS}\nglobal_batch_size: {ROWS_PER_STEP}\nmax_steps: {options.steps}\n"
        "learning_rate: 1.0e-4\nadapter: lora\nlora_r: 16\nlora_alpha: 32\n"
        "lora_target_modules: all-linear\nlogging_steps: 1\ndevice: cpu\n")
    sh([*options.pin, options.bin / "temper", "train", work / "trl.yaml", "--nproc", RANKS],
       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    steps = [e for e in map(json.loads, open(work / "run/metrics.jsonl")) if e["event"] == "step"]
    steady = steps[options.warmup:]
    return {"rate": statistics.median(e["targets"] / e["seconds"] for e in steady),
            "per_row": statistics.mean(e["targets"] for e in steps) / ROWS_PER_STEP,
            "first": steps[0]["time"] - begin, "rows": packed["rows"]}


def run_trl(options, work, processes, tuned):
    script = [HERE / "trl_peer.py", "--model", work / "model", "--records", options.records,
              "--template", work / "template.jinja", "--rows-per-step", ROWS_PER_STEP,
              "--sequence-len", SEQUENCE_LEN, "--threads", RANKS // processes, "--steps", options.steps,
              "--warmup", options.warmup]
    start = [options.python] if processes == 1 else [
        options.python, "-m", "torch.distributed.run", "--nproc-per-node", processes, "--standalone"]
    env = {"OMP_NUM_THREADS": str(RANKS // processes), "HF_HUB_OFFLINE": "1",
           "TOKENIZERS_PARALLELISM": "false", **(TUNED_MALLOC if tuned else {})}
    begin = time.time()
    done = subprocess.run([str(c) for c in [*options.pin, *start, *script]], text=True,
                          env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(done.stderr[-3000:])
    result = next(json.loads(line) for line in reversed(done.stdout.splitlines())
                  if line.startswith('{"step_seconds"'))
    return {"rate": result["supervised_per_row"] * ROWS_PER_STEP / result["step_seconds"],
            "per_row": result["supervised_per_row"], "first": result["first_step_at"] - begin,
            "rows": result["rows"]}


def trl_name(processes, tuned):
    return (f"TRL, {'1 process x 2 threads' if processes == 1 else '2 processes'}"
            f"{', malloc tuned' if tuned else ''}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--python", help="a python that has TRL already")
    parser.add_argument("--records", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/bench/work")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, RANKS],
                        help="TRL's processes, one contender each")
    parser.add_argument("--cores", default="0,1", help="empty: not pinned")
    options = parser.parse_args()
    options.python = make_venv(options.python)
    options.pin = ["taskset", "-c", options.cores] if options.cores else []
    options.bin, work = options.bin.resolve(), options.work.resolve()
    prepare(work, options.bin / "temper", 10)
    options.records = (options.records or work / "corpus/specialist_train.jsonl").resolve()
    (work / "template.jinja").write_text(TEMPLATE)
    contenders = [(processes, tuned) for processes in options.processes for tuned in (False, True)]
    runs = {}
    for _ in range(options.repetitions):
        runs.setdefault("temper", []).append(run_temper(options, work))
        for contender in contenders:
            run = run_trl(options, work, *contender)
            runs.setdefault(trl_name(*contender), []).append(run)
            print(trl_name(*contender), run, file=sys.stderr, flush=True)
        contenders = [max(contenders, key=lambda contender: runs[trl_name(*contender)][0]["rate"])]
    median = {name: {key: statistics.median(run[key] for run in found) for key in found[0]}
              for name, found in runs.items()}
    print(f"LoRA from JSONL, {datetime.date.today()}, {cpu_name()}, {options.repetitions} interleaved "
          f"repetitions\n\n| | runs | supervised tokens/s | temper is | supervised a row | rows "
          "| command to first step, s |\n|---|---|---|---|---|---|---|")
    for name, m in median.items():
        print(f"| {name} | {len(runs[name])} | {m['rate']:.0f} | {median['temper']['rate'] / m['rate']:.2f}x "
              f"| {m['per_row']:.0f} | {m['rows']:.0f} | {m['first']:.1f} |")


if __name__ == "__main__":
    main()
