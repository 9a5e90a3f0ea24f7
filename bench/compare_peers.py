#!/usr/bin/env python3
"""temper against what a user would otherwise run, on this machine, interleaved in one run.

The peers are transformers (+ peft) with FSDP2 over gloo, with DDP, and as one process with two
threads; eager and compiled; as shipped and with glibc's malloc told to keep its memory ("tuned": the
same settings that temper makes for itself). A survey runs each once as shipped and the two fastest
tuned, over few steps; then every repetition runs the sgemm limit, temper, and the fastest peer of
either kind, one after the other, on the same two cores, the same model and the same rows. Ratios are
of medians. The peers' first losses must agree with temper's, or nothing is written. Modes: full; lora
(r = 16, all linear modules); lora40, the same where 40% of the tokens are supervised. temper is also
run as one rank on one core, with the same micro-batch: how the step scales beside the products.

    bench/compare_peers.py [--bin build/release/bin] [--repetitions 5] [--modes full,lora,lora40]

A virtual environment with the peers is made in build/bench/venv (2 GB) unless --python names one.
The result is written to bench/results/DATE-MACHINE.md.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PACKAGES = ["torch==2.11.0", "transformers==5.23.0", "peft==0.21.2", "h5py", "numpy", "setuptools"]
TUNED_MALLOC = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184",
                "MALLOC_TOP_PAD_": "67108864"}
PEERS = {f"{parallel}{'+compile' if compiled else ''}": (parallel, compiled)
         for parallel in ("fsdp", "ddp", "single") for compiled in (False, True)}
RANKS, MICRO_BATCH, SEQUENCE_LEN = 2, 4, 512
TOKENS_PER_STEP = RANKS * MICRO_BATCH * SEQUENCE_LEN
HIDDEN, LAYERS, HEADS, KV_HEADS, INTERMEDIATE, VOCAB, LORA_R = 512, 8, 8, 4, 1408, 32000, 16
SURVEY_STEPS, SURVEY_WARMUP = 3, 1
SUPERVISED = 0.4  # of the tokens, in lora40
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS,
    "intermediate_size": INTERMEDIATE, "vocab_size": VOCAB, "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "initializer_range": 0.02,
    "tie_word_embeddings": False, "bos_token_id": 0, "eos_token_id": 1}


def flops_per_token(mode):
    """Products only, causal attention counted once: 2 per weight forward, 2 for the gradient of the
    input and 2 for that of the weight, where it trains."""
    kv = HIDDEN * KV_HEADS // HEADS
    shapes = [(HIDDEN, HIDDEN), (HIDDEN, kv), (HIDDEN, kv), (HIDDEN, HIDDEN)]
    shapes += [(HIDDEN, INTERMEDIATE)] * 2 + [(INTERMEDIATE, HIDDEN)]
    linear = LAYERS * sum(a * b for a, b in shapes)
    adapters = LAYERS * sum(LORA_R * (a + b) for a, b in shapes)
    attention = 6 * LAYERS * HIDDEN * SEQUENCE_LEN
    head = HIDDEN * VOCAB * (SUPERVISED if mode == "lora40" else 1)  # of labelled rows only
    if mode == "full":
        return 6 * (linear + head) + attention
    return 4 * (linear + head) + 6 * adapters + attention


def sh(command, env=None, **kwargs):
    return subprocess.run([str(c) for c in command], check=True, text=True,
                          env={**os.environ, **(env or {})}, **kwargs)


def make_venv(python):
    if python:
        return pathlib.Path(python)
    venv = ROOT / "build/bench/venv"
    if not (venv / "ready").exists():
        print("making", venv, file=sys.stderr)
        sh([sys.executable, "-m", "venv", venv])
        sh([venv / "bin/pip", "install", "--quiet", *PACKAGES])
        (venv / "ready").touch()
    return venv / "bin/python"


def prepare_part_supervised(work, temper, text):
    """Rows of one question and its answer each: 306 tokens of context, 204 supervised."""
    out = sh([temper, "tokenize", "--tokenizer", work / "tokenizer.json"],
             input=json.dumps({"text": text}) + "\n", stdout=subprocess.PIPE).stdout
    ends = [end for _, end in json.loads(out)["offsets"]]
    row = SEQUENCE_LEN - 2
    prompt = round((1 - SUPERVISED) * row)
    with open(work / "questions.jsonl", "w") as file:
        for first in range(0, len(ends) - row, row):
            cuts = [ends[first + i] for i in (0, prompt, row)]
            file.write(json.dumps({"prompt": text[cuts[0]:cuts[1]],
                                   "completion": text[cuts[1]:cuts[2]]}) + "\n")
    sh([temper, "pack", work / "questions.jsonl", "-o", work / "rows40.h5", "--model", work / "model",
        "--sequence-len", SEQUENCE_LEN, "--overlong", "truncate", "--no-hygiene"],
       stdout=subprocess.DEVNULL)


def prepare(work, temper, steps):
    """The model, and rows of exactly one document each, so that the peers need no packing."""
    work.mkdir(parents=True, exist_ok=True)
    if (work / "rows40.h5").exists():
        return
    sh([temper, "synth", "-o", work / "corpus", "--seed", "7"], stdout=subprocess.DEVNULL)
    text = " ".join(json.loads(line)["text"] for line in open(work / "corpus/general_train.jsonl"))
    sh([temper, "new-tokenizer", work / "corpus/general_train.jsonl", "--vocab-size", "2048", "-o",
        work / "tokenizer.json"], stdout=subprocess.DEVNULL)
    needed = (steps + 1) * TOKENS_PER_STEP * 8
    while len(text) < needed:
        text += " " + text
    (work / "long.jsonl").write_text(json.dumps({"text": text[:needed]}) + "\n")
    (work / "config.json").write_text(json.dumps(CONFIG))
    sh([temper, "new-model", "--config", work / "config.json", "--tokenizer",
        work / "tokenizer.json", "-o", work / "model"], stdout=subprocess.DEVNULL)
    sh([temper, "pack", work / "long.jsonl", "-o", work / "rows.h5", "--model", work / "model",
        "--sequence-len", SEQUENCE_LEN], stdout=subprocess.DEVNULL)
    prepare_part_supervised(work, temper, text[:needed])


def rows_of(work, mode):
    return work / ("rows40.h5" if mode == "lora40" else "rows.h5")


def run_temper(options, work, mode, ranks=RANKS, steps=None):
    out = work / "run"
    subprocess.run(["rm", "-rf", out], check=True)
    lora = "adapter: lora\nlora_r: 16\nlora_alpha: 32\nlora_target_modules: all-linear\n"
    (work / "run.yaml").write_text(
        f"base_model: model\ndatasets: [{{path: {rows_of(work, mode).name}}}]\noutput_dir: run\n"
        f"shuffle: false\n"
        f"micro_batch_size: {MICRO_BATCH}\nglobal_batch_size: {MICRO_BATCH * ranks}\n"
        f"max_steps: {steps or options.steps}\nlearning_rate: 1.0e-4\nlr_scheduler: constant\n"
        f"logging_steps: 1\ndevice: cpu\n" + ("" if mode == "full" else lora))
    begin = time.time()
    sh([*options.pin, options.bin / "temper", "train", work / "run.yaml", "--nproc", ranks],
       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    events = [json.loads(line) for line in open(out / "metrics.jsonl")]
    steps = [e for e in events if e["event"] == "step"]
    per_rank = next(e for e in events if e["event"] == "ranks")["ranks"]
    return {"step_seconds": statistics.median(e["seconds"] for e in steps[options.warmup:]),
            "first_step_seconds": steps[0]["time"] - begin,
            "pss_bytes": sum(r["peak_pss_bytes"] for r in per_rank),
            "losses": [e["loss"] for e in steps],
            "tokens_per_step": steps[0]["tokens"]}


def run_peer(options, work, mode, peer, steps, warmup):
    parallel, compiled, tuned = peer
    script = [HERE / "peer_step.py", "--model", work / "model", "--rows", rows_of(work, mode),
              "--mode", "full" if mode == "full" else "lora", "--parallel", parallel,
              "--steps", steps, "--warmup", warmup]
    if compiled:
        script.append("--compile")
    if parallel == "single":
        command = [options.python, *script, "--micro-batch", MICRO_BATCH * RANKS, "--threads", RANKS]
    else:
        command = [options.python, "-m", "torch.distributed.run", "--nproc-per-node", RANKS,
                   "--standalone", *script, "--micro-batch", MICRO_BATCH]
    env = {"OMP_NUM_THREADS": str(RANKS if parallel == "single" else 1),
           "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    if tuned:
        env.update(TUNED_MALLOC)
    begin = time.time()
    done = subprocess.run([str(c) for c in [*options.pin, *command]], text=True,
                          env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stderr[-2000:]}")
    result = json.loads(done.stdout.strip().splitlines()[-1])
    result["first_step_seconds"] = result["first_step_at"] - begin
    return result


def sgemm_peak(options, processes=RANKS):
    """Of so many processes at once, as the ranks run."""
    runs = [subprocess.Popen([*options.pin, str(options.python), str(HERE / "sgemm_peak.py"), "1"],
                             stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return sum(float(run.communicate()[0]) for run in runs)


def peer_name(parallel, compiled, tuned):
    what = {"fsdp": "FSDP2, 2 ranks", "ddp": "DDP, 2 ranks", "single": "1 process x 2 threads"}
    return f"{what[parallel]}, {'compiled' if compiled else 'eager'}{', malloc tuned' if tuned else ''}"


def check_losses(mode, name, ours, theirs):
    """Full runs agree step by step; adapters are drawn differently, so only their first step does."""
    steps = 4 if mode == "full" else 1
    for a, b in list(zip(ours, theirs))[:steps]:
        if abs(a - b) > 2e-3 * abs(a):
            sys.exit(f"{mode}: the losses differ: temper {ours[:4]}, {name} {theirs[:4]}")


def speed_of(run):
    return TOKENS_PER_STEP / run["step_seconds"]


def survey(options, work, mode):
    """{peer: run}: every peer once as shipped, then the two fastest of them with malloc tuned."""
    found = {}

    def run(peer):
        found[peer] = run_peer(options, work, mode, peer, SURVEY_STEPS, SURVEY_WARMUP)
        print(mode, "survey", peer_name(*peer), round(speed_of(found[peer])), file=sys.stderr)

    for parallel, compiled in options.peers:
        run((parallel, compiled, False))
    by_speed = sorted(found, key=lambda peer: speed_of(found[peer]), reverse=True)
    for parallel, compiled, _ in by_speed[:2]:
        run((parallel, compiled, True))
    return found


def fastest(found):
    """The fastest as shipped, and the fastest tuned."""
    kinds = [[peer for peer in found if peer[2] == tuned] for tuned in (False, True)]
    return [max(kind, key=lambda peer: speed_of(found[peer])) for kind in kinds if kind]


def measure(options, work, mode, peers):
    runs = {}
    for repetition in range(options.repetitions):
        peak = sgemm_peak(options)
        runs.setdefault("sgemm", []).append({"gflops": peak})
        ours = run_temper(options, work, mode)
        runs.setdefault("temper", []).append(ours)
        alone = run_temper(options, work, mode, ranks=1, steps=options.warmup + 2)
        runs.setdefault("scaling", []).append({
            "temper": RANKS * alone["step_seconds"] / ours["step_seconds"],
            "sgemm": peak / sgemm_peak(options, processes=1)})
        for peer in peers:
            theirs = run_peer(options, work, mode, peer, options.steps, options.warmup)
            check_losses(mode, peer_name(*peer), ours["losses"], theirs["losses"])
            runs.setdefault(peer_name(*peer), []).append(theirs)
        print(mode, repetition, {name: round(speed_of(found[-1])) for name, found in runs.items()
                                 if "step_seconds" in found[-1]}, round(peak), "GFLOP/s",
              file=sys.stderr)
    return runs


def summary(runs, key):
    values = sorted(key(run) for run in runs)
    return statistics.median(values), values[0], values[-1]


def table(mode, runs, surveyed):
    ours = {"speed": summary(runs["temper"], speed_of)[0],
            "memory": summary(runs["temper"], lambda r: r["pss_bytes"])[0],
            "start": summary(runs["temper"], lambda r: r["first_step_seconds"] - r["step_seconds"])[0]}
    peak = summary(runs["sgemm"], lambda r: r["gflops"])
    share = statistics.median(
        speed_of(t) * flops_per_token(mode) / 1e9 / s["gflops"]
        for t, s in zip(runs["temper"], runs["sgemm"]))
    lines = [f"## {mode}: {share:.0%} of the sgemm limit "
             f"({peak[0]:.0f} GFLOP/s, {peak[1]:.0f} to {peak[2]:.0f})", "",
             "| | runs | tok/s, median (min to max) | temper is | memory of all ranks, MiB | temper has "
             "| start to first step, less a step, s | temper's share |", "|---|---|---|---|---|---|---|"]
    rows = {name: found for name, found in runs.items() if name not in ("sgemm", "scaling")}
    for peer, run in surveyed.items():
        rows.setdefault(peer_name(*peer), [run])
    for name, results in rows.items():
        speed = summary(results, speed_of)
        memory = summary(results, lambda r: r["pss_bytes"])[0]
        start = summary(results, lambda r: r["first_step_seconds"] - r["step_seconds"])[0]
        lines.append(
            f"| {name} | {len(results)} | {speed[0]:.0f} ({speed[1]:.0f} to {speed[2]:.0f}) "
            f"| {ours['speed'] / speed[0]:.2f}x | {memory / 2**20:.0f} | {ours['memory'] / memory:.2f} "
            f"| {start:.1f} | {ours['start'] / start:.2f} |")
    scaling = {who: summary(runs["scaling"], lambda r: r[who])[0] for who in ("temper", "sgemm")}
    lines += ["", f"{RANKS} ranks against one, the same micro-batch a rank: {scaling['temper']:.2f}x; "
              f"as many processes of products alone: {scaling['sgemm']:.2f}x; "
              f"{scaling['temper'] / scaling['sgemm']:.2f} of it."]
    return lines + [""]


def cpu_name():
    with open("/proc/cpuinfo") as lines:
        return next((l.split(":")[1].strip() for l in lines if l.startswith("model name")), "?")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--python", help="a python that has the peers already")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/bench/work")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--modes", default="full,lora,lora40")
    parser.add_argument("--peers", default=",".join(PEERS), help="of " + " ".join(PEERS))
    parser.add_argument("--cores", default="0,1", help="empty: not pinned")
    parser.add_argument("-o", "--output", type=pathlib.Path)
    options = parser.parse_args()
    names = options.peers.split(",")
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        parser.error(f"--peers {unknown[0]}: not one of {' '.join(PEERS)}")
    options.peers = [PEERS[name] for name in names]
    options.python = make_venv(options.python)
    options.pin = ["taskset", "-c", options.cores] if options.cores else []
    options.bin, work = options.bin.resolve(), options.work.resolve()
    prepare(work, options.bin / "temper", options.steps)

    lines = [f"# temper and its peers, {datetime.date.today()}, {cpu_name()}", "",
             f"Llama of 56.4M parameters, {TOKENS_PER_STEP} tokens a step, fp32, AdamW, clipping; cores "
             f"{options.cores or 'free'}; median of {options.repetitions} interleaved repetitions, each "
             f"the median of {options.steps - options.warmup} steps; rows of one run are the survey's, of "
             f"{SURVEY_STEPS - SURVEY_WARMUP} steps. Load average at the start "
             f"{os.getloadavg()[0]:.1f}.", ""]
    for mode in options.modes.split(","):
        surveyed = survey(options, work, mode)
        peers = fastest(surveyed)
        lines += table(mode, measure(options, work, mode, peers), surveyed)
    output = options.output or HERE / "results" / f"{datetime.date.today()}-{platform.node()}.md"
    output.parent.mkdir(exist_ok=True)
    output.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
