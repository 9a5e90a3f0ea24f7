#!/usr/bin/env python3
"""How fast `temper` answers on a login node: help, plan, status and submit --dry-run, from the start of
the process to its end, beside /bin/true on the same machine.

    bench/front_door.py [--build build/release] [--starts 40]
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BAR_MILLISECONDS = 50
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512, "hidden_size": 32,
          "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
          "num_key_value_heads": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-5,
          "rope_theta": 10000.0, "hidden_act": "silu", "initializer_range": 0.02,
          "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2}
RUN = """\
base_model: model
datasets: [{path: train.h5}]
output_dir: out
global_batch_size: 4
learning_rate: 1e-3
max_steps: 4
device: cpu
slurm: {nodes: 2, ntasks_per_node: 2, time: "1:00:00"}
"""


def prepare(work, temper):
    def run(*command):
        subprocess.run([temper, *command], cwd=work, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    (work / "config.json").write_text(json.dumps(CONFIG))
    (work / "run.yaml").write_text(RUN)
    run("synth", "-o", "corpus", "--seed", "7")
    run("new-tokenizer", "corpus/general_train.jsonl", "--vocab-size", "512", "-o", "tokenizer.json")
    run("new-model", "--config", "config.json", "--tokenizer", "tokenizer.json", "-o", "model")
    run("pack", "corpus/general_train.jsonl", "-o", "train.h5", "--model", "model", "--sequence-len", "64")
    run("train", "run.yaml")


def milliseconds(command, work):
    start = time.perf_counter()
    subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build/release")
    parser.add_argument("--starts", type=int, default=40, help="of each command (40)")
    options = parser.parse_args()
    temper = (options.build / "bin/temper").resolve()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        prepare(work, temper)
        commands = {"/bin/true": ["/bin/true"], "temper --help": [temper, "--help"],
                    "temper plan run.yaml": [temper, "plan", "run.yaml"],
                    "temper status out": [temper, "status", "out"],
                    "temper submit run.yaml --dry-run": [temper, "submit", "run.yaml", "--dry-run"]}
        taken = {name: [] for name in commands}
        for _ in range(options.starts):  # in turns, so that all see the same machine
            for name, command in commands.items():
                taken[name].append(milliseconds(command, work))
    lines = [f"# The front door's answers, {datetime.date.today()}", "",
             f"{options.starts} starts each, in turns; load average at the start {load:.1f}; {platform.node()}, "
             f"{os.cpu_count()} cores. Milliseconds from start to end of the process; the bar is "
             f"{BAR_MILLISECONDS}.", "", "| command | median | least | 9 of 10 within | most |", "|---|---|---|---|---|"]
    for name, values in taken.items():
        values.sort()
        lines.append(f"| `{name}` | {values[len(values) // 2]:.1f} | {values[0]:.1f} "
                     f"| {values[len(values) * 9 // 10]:.1f} | {values[-1]:.1f} |")
    text = "\n".join([*lines, ""])
    print(text)
    (HERE / "results" / f"{datetime.date.today()}-front-door-{platform.node()}.md").write_text(text)


if __name__ == "__main__":
    main()
