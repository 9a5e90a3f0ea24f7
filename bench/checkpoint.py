#!/usr/bin/env python3
"""What a checkpoint costs, against the machine's own limits and torch.distributed.checkpoint.

Every repetition takes, one after the other on the same cores and disk: the copy of as many bytes as
the ranks hold (all at once), their raw direct-I/O writing (O_DIRECT, blocks of 8 MiB one at a time, fsync;
as often as the run saves and with its pauses, for a disk behind a cache is faster after a pause), a temper
run that saves in the background every few steps, one that saves while training waits, starts anew and
from checkpoints early and late in the run, and torch.distributed.checkpoint of the same bytes, with
all its files and directories synced. Ratios are of what was taken in the same repetition.

    bench/checkpoint.py [--quick] [--bin build/release/bin] [--repetitions 5] [--work DIR ON THE DISK]

The result is written to bench/results/DATE-checkpoint-MACHINE.md.
"""
import argparse
import ctypes
import datetime
import json
import mmap
import multiprocessing
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

import compare_peers as peers

HERE = pathlib.Path(__file__).resolve().parent
RANKS, SEQUENCE_LEN, SAVE_STEPS = 2, 128, 8
BLOCK = 8 << 20
ALIGNMENT = 4096


def prepare(work, temper, steps):
    work.mkdir(parents=True, exist_ok=True)
    if (work / "rows.h5").exists():
        return
    peers.sh([temper, "synth", "-o", work / "corpus", "--seed", "7"], stdout=subprocess.DEVNULL)
    peers.sh([temper, "new-tokenizer", work / "corpus/general_train.jsonl", "--vocab-size", "2048",
              "-o", work / "tokenizer.json"], stdout=subprocess.DEVNULL)
    (work / "config.json").write_text(json.dumps(peers.CONFIG))
    peers.sh([temper, "new-model", "--config", work / "config.json", "--tokenizer",
              work / "tokenizer.json", "-o", work / "model"], stdout=subprocess.DEVNULL)
    peers.sh([temper, "pack", work / "corpus/general_train.jsonl", "-o", work / "rows.h5", "--model",
              work / "model", "--sequence-len", SEQUENCE_LEN], stdout=subprocess.DEVNULL)


def train(options, out, steps, settings=(), fresh=True):
    """Returns (seconds from the command to the first step's begin, events of this start)."""
    if fresh:
        shutil.rmtree(out, ignore_errors=True)
    before = len(events(out)) if out.exists() else 0
    sets = [f"max_steps={steps}", f"output_dir={out}", *settings]
    begin = time.time()
    peers.sh([*options.pin, options.bin / "temper", "train", options.work / "run.yaml", "--nproc",
              RANKS, *[word for s in sets for word in ("--set", s)]],
             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    new = events(out)[before:]
    first = next(e for e in new if e["event"] == "step")
    return first["time"] - first["seconds"] - begin, new


def events(out):
    path = out / "metrics.jsonl"
    return [json.loads(line) for line in open(path)] if path.exists() else []


def buffer_of(num_bytes):
    """Page-aligned memory whose pages are there: huge ones, as temper has them. From shared memory, which
    has small ones, the same disk takes direct writes at half the speed."""
    memory = mmap.mmap(-1, num_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    ctypes.memset(address, 1, num_bytes)
    return memory, address


def on_ranks(work, *arguments):
    """Runs work(rank, *arguments) in one process a rank, begun together. Each measures several times;
    returns the slowest rank's seconds of each time."""
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(RANKS), context.SimpleQueue()

    def task(rank):
        queue.put(work(rank, barrier, *arguments))

    processes = [context.Process(target=task, args=(rank,)) for rank in range(RANKS)]
    for process in processes:
        process.start()
    seconds = [max(times) for times in zip(*[queue.get() for _ in processes])]
    for process in processes:
        process.join()
    return seconds


def copy(rank, barrier, num_bytes):
    source, source_address = buffer_of(num_bytes)
    target, target_address = buffer_of(num_bytes)
    seconds = []
    for _ in range(3):
        barrier.wait()
        begin = time.perf_counter()
        ctypes.memmove(target_address, source_address, num_bytes)
        seconds.append(time.perf_counter() - begin)
    return seconds


def write_raw(rank, barrier, num_bytes, folder, times, pause):
    rounded = -(-num_bytes // ALIGNMENT) * ALIGNMENT
    memory, _ = buffer_of(rounded)
    view = memoryview(memory)
    seconds = []
    for i in range(times):
        path = folder / f"raw-{rank}-{i % 2}"
        path.unlink(missing_ok=True)
        time.sleep(pause)
        barrier.wait()
        begin = time.perf_counter()
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_DIRECT, 0o600)
        for at in range(0, rounded, BLOCK):
            assert os.pwrite(fd, view[at:at + BLOCK], at) == min(BLOCK, rounded - at)
        os.ftruncate(fd, num_bytes)
        os.fsync(fd)
        os.close(fd)
        seconds.append(time.perf_counter() - begin)
    return seconds


def speed_during_saves(run):
    """Tokens/s while saves were under way in the background (writing, hashing, committing), relative to
    other steps: a step that shared s seconds with one and took d longer than the quiet ones made s - d
    seconds of progress in them. A window that ended with the last byte would leave out the time in which
    the hash is computed, but not what it costs. Returns that, and the seconds that a save has cost."""
    windows = []
    for e in run:
        if e["event"] == "save":
            windows.append((e["time"] - e["seconds"] + e["stall_seconds"], e["time"]))
    steps = []  # (seconds, shared with a write)
    for e in [e for e in run if e["event"] == "step"][3:]:
        begin, end = e["time"] - e["seconds"], e["time"]
        steps.append((e["seconds"],
                      sum(max(0.0, min(end, b) - max(begin, a)) for a, b in windows)))
    quiet = statistics.median(seconds for seconds, shared in steps if shared == 0.0)
    extra = sum(seconds - quiet for seconds, shared in steps if shared > 0.0)
    return 1.0 - extra / sum(shared for _, shared in steps), extra / len(windows)


def peer_seconds(options, rank_bytes):
    folder = options.work / "peer"
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run([str(c) for c in [
        *options.pin, options.python, "-m", "torch.distributed.run", "--nproc-per-node", RANKS,
        "--standalone", HERE / "checkpoint_peer.py", "--bytes", rank_bytes * RANKS, "--folder",
        folder]], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"})
    shutil.rmtree(folder, ignore_errors=True)
    if done.returncode != 0:
        sys.exit(f"torch.distributed.checkpoint: {done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])["seconds"]


def measure(options):
    results = []
    for repetition in range(options.repetitions):
        out = options.work / "run"
        _, background = train(options, out, options.steps, ["save_total_limit=2"])
        saves = [e for e in background if e["event"] == "save"]
        rank_bytes = saves[0]["bytes"] // RANKS
        # The first save may find its buffer not ready; the last one is not in the background.
        regular = saves[1:-1]
        pause = statistics.median(b["time"] - a["time"] for a, b in zip(saves, saves[1:]))
        raw = on_ranks(write_raw, rank_bytes, options.work, len(regular), min(pause, 10.0))
        speed, cost = speed_during_saves(background)
        result = {
            "copy": statistics.median(on_ranks(copy, rank_bytes)),
            "stall": statistics.median(e["stall_seconds"] for e in regular),
            "first stall": saves[0]["stall_seconds"],
            "raw": rank_bytes * RANKS / statistics.median(raw),
            "write": statistics.median(e["bytes_per_second"] for e in regular),
            "speed during saves": speed,
            "cost": cost,
            "step": statistics.median(e["seconds"] for e in background if e["event"] == "step"),
            "bytes": rank_bytes * RANKS}
        # A run that goes on early, and one that goes on late.
        result["resume late"], _ = train(options, out, options.steps + 2, fresh=False)
        early = options.work / "early"
        result["start"], _ = train(options, early, 2, ["save_steps=0"])
        result["resume early"], _ = train(options, early, 4, ["save_steps=0"], fresh=False)
        _, waiting = train(options, early, 4, ["save_steps=1", "async_save=false"])
        result["durable"] = statistics.median(
            e["seconds"] for e in waiting if e["event"] == "save")
        result["peer durable"] = peer_seconds(options, rank_bytes)
        results.append(result)
        print(repetition, {k: round(v, 4) for k, v in result.items()}, file=sys.stderr)
    return results


def line(name, results, value, bar=""):
    values = [value(r) for r in results]
    return (f"| {name} | {statistics.median(values):.3f} | {min(values):.3f} to {max(values):.3f} "
            f"| {bar} |")


def report(options, results):
    return "\n".join([
        f"# Checkpoints, {datetime.date.today()}, {peers.cpu_name()}", "",
        f"{results[0]['bytes'] / 2**20:.0f} MiB of state on {RANKS} ranks (Llama of 56.4M parameters, "
        f"full fine-tuning), cores {options.cores or 'free'}, file system of {options.work.name}/; median "
        f"and range of {options.repetitions} interleaved repetitions. Load average at the start "
        f"{options.load:.1f}.", "",
        "| | median | range | aimed at |", "|---|---|---|---|",
        line("stall of the step, s", results, lambda r: r["stall"]),
        line("the same, first save of a start, s", results, lambda r: r["first stall"]),
        line("copy of as many bytes, s", results, lambda r: r["copy"]),
        line("stall / copy", results, lambda r: r["stall"] / r["copy"], "<= 1.5"),
        line("written in the background, GB/s", results, lambda r: r["write"] / 1e9),
        line("raw direct I/O, GB/s", results, lambda r: r["raw"] / 1e9),
        line("background / raw", results, lambda r: r["write"] / r["raw"], ">= 0.9"),
        line("tokens/s during a background save / quiet", results,
             lambda r: r["speed during saves"], ">= 0.95"),
        line("a save costs the steps beside it, s", results, lambda r: r["cost"]),
        line("a step, s", results, lambda r: r["step"]),
        line("command to first step, new run, s", results, lambda r: r["start"]),
        line("command to first new step, resumed at step 2, s", results, lambda r: r["resume early"]),
        line(f"the same, resumed at step {options.steps}, s", results, lambda r: r["resume late"]),
        line("resume less a new start, s", results, lambda r: r["resume late"] - r["start"], "< 1"),
        line("save while training waits, to durable, s", results, lambda r: r["durable"]),
        line("torch.distributed.checkpoint + fsync, s", results, lambda r: r["peer durable"]),
        line("temper is faster by", results, lambda r: r["peer durable"] / r["durable"], ">= 1.5"),
        ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=peers.ROOT / "build/release/bin")
    parser.add_argument("--python", help="a python that has torch already")
    parser.add_argument("--work", type=pathlib.Path, default=peers.ROOT / "build/bench/checkpoint")
    parser.add_argument("--quick", action="store_true", help="2 repetitions of 4 saves")
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--cores", default="0,1", help="empty: not pinned")
    parser.add_argument("-o", "--output", type=pathlib.Path)
    options = parser.parse_args()
    options.repetitions = options.repetitions or (2 if options.quick else 5)
    options.steps = options.steps or (4 if options.quick else 8) * SAVE_STEPS
    options.python = peers.make_venv(options.python)
    options.pin = ["taskset", "-c", options.cores] if options.cores else []
    if options.cores:
        os.sched_setaffinity(0, {int(core) for core in options.cores.split(",")})
    options.bin, options.work = options.bin.resolve(), options.work.resolve()
    options.load = os.getloadavg()[0]
    prepare(options.work, options.bin / "temper", options.steps)
    (options.work / "run.yaml").write_text(
        f"base_model: model\ndatasets: [{{path: rows.h5}}]\noutput_dir: run\nmicro_batch_size: 1\n"
        f"global_batch_size: {RANKS}\nlearning_rate: 1.0e-4\nlr_scheduler: constant\n"
        f"logging_steps: 1\ndevice: cpu\nsave_steps: {SAVE_STEPS}\n")
    text = report(options, measure(options))
    output = options.output or (HERE / "results" /
                                f"{datetime.date.today()}-checkpoint-{platform.node()}.md")
    output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
