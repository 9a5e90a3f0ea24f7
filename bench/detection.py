#!/usr/bin/env python3
"""How long a job lives on after one of its ranks was killed or stopped, by what the rank was doing.

Runs the tests' build of temper-rank, which kills or stops itself at a named place, and takes the time from
that moment (seen in /proc) to the end of `temper train`, and the line that names the rank.

    bench/detection.py [--quick] [--build build/release] [--stall-timeout 5]
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512, "hidden_size": 32,
          "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
          "num_key_value_heads": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-5,
          "rope_theta": 10000.0, "hidden_act": "silu", "initializer_range": 0.02,
          "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2}
PLACES = ["load", "forward,step=3", "reduce,step=3", "save,step=4", "exit"]


def prepare(work, temper):
    def run(*command):
        subprocess.run([str(c) for c in command], cwd=work, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    (work / "config.json").write_text(json.dumps(CONFIG))
    run(temper, "synth", "-o", "corpus", "--seed", "7")
    run(temper, "new-tokenizer", "corpus/general_train.jsonl", "--vocab-size", "512", "-o", "tokenizer.json")
    run(temper, "new-model", "--config", "config.json", "--tokenizer", "tokenizer.json", "-o", "model")
    run(temper, "pack", "corpus/general_train.jsonl", "-o", "train.h5", "--model", "model",
        "--sequence-len", "64")


def children(pid):
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def state(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "gone"


def measure(options, work, place, action, ranks):
    """Returns (seconds from the fault to the end, exit code, the line)."""
    out = f"{place.split(',')[0]}-{action}-{ranks}-{time.monotonic_ns()}"
    environment = {**os.environ, "TEMPER_RANK": str(options.build / "tests/bin/temper-rank-faults"),
                   "TEMPER_FAULT_POINTS": f"at={place},rank=1,action={action}"}
    job = subprocess.Popen(
        [options.build / "bin/temper", "train", "run.yaml", "--nproc", str(ranks), "--set",
         f"output_dir={out}", "--set", f"stall_timeout={options.stall_timeout}"],
        cwd=work, env=environment, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    struck, seen = None, set()
    while job.poll() is None:
        now = time.monotonic()
        for starter in children(job.pid):
            seen.update(children(starter))
        if struck is None and any(state(pid) in ("T", "Z", "gone") for pid in seen):
            struck = now
        time.sleep(0.005)
    end = time.monotonic()
    lines = [line for line in job.stderr.read().splitlines() if "rank 1 on" in line]
    line = re.sub(r" \(pid \d+\)", "", lines[0]) if lines else "(no line)"
    return end - struck, job.returncode, line.replace("temper: error: ", "").split("; the job ends")[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build/release")
    parser.add_argument("--stall-timeout", type=int, default=5)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="each once")
    options = parser.parse_args()
    options.build = options.build.resolve()
    load = os.getloadavg()[0]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        prepare(work, options.build / "bin/temper")
        (work / "run.yaml").write_text(
            "base_model: model\ndatasets: [{path: train.h5}]\noutput_dir: out\nglobal_batch_size: 4\n"
            "learning_rate: 1e-3\nmax_steps: 6\nsave_steps: 2\ndevice: cpu\n")
        for action in ("kill", "stop"):
            for place in PLACES:
                for ranks in (2, 4):
                    runs = [measure(options, work, place, action, ranks)
                            for _ in range(1 if options.quick else options.repetitions)]
                    seconds = sorted(r[0] for r in runs)
                    rows.append(f"| SIG{action.upper()} | {place.split(',')[0]} | {ranks} "
                                f"| {seconds[len(seconds) // 2]:.1f} | {seconds[-1]:.1f} | {runs[0][1]} "
                                f"| {runs[0][2]} |")
                    print(rows[-1], flush=True)
    text = "\n".join([
        f"# A rank that dies or stops, {datetime.date.today()}", "",
        f"stall_timeout {options.stall_timeout} s; load average at the start {load:.1f}. Seconds from the "
        "moment at which rank 1 was killed or stopped to the end of `temper train`.", "",
        "| | in | ranks | seconds, median | longest | exit code | the line |", "|---|---|---|---|---|---|---|",
        *rows, ""])
    (HERE / "results" / f"{datetime.date.today()}-detection-{platform.node()}.md").write_text(text)


if __name__ == "__main__":
    main()
