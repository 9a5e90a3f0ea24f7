#!/usr/bin/env python3
"""How fast and in how much memory a large model is loaded by the ranks of one node.

    bench/load_model.py [--bin build/release/bin] [--layers 8] [--ranks 4] [--placement node_shared]

Writes a model of Llama 3 8B's layer shapes (hidden 4096, intermediate 14336, 8 of 32 heads for keys;
vocabulary 32,000) with as many layers as --layers, in bfloat16, one file a layer; starts a LoRA run
of one step on it; deletes it. Interleaved in one run, cold (the files' pages dropped) and warm: the
same bytes read by as many processes as there are ranks, and the seconds that `temper train` takes to
hash and to load them. The ranks' memory (PSS, every 20 ms until the first step begins) is compared
with what a rank has to hold. Then the merged model is exported and proven, and that process's memory
is looked at in the same way. The result is printed as a table.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
HIDDEN, INTERMEDIATE, HEADS, KV_HEADS, VOCAB = 4096, 14336, 32, 8, 32000
BLOCK = 8 << 20
GIB = 1 << 30
PSS_KINDS = ("Pss", "Pss_Anon", "Pss_File", "Pss_Shmem")


def config(layers):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN,
            "num_hidden_layers": layers, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS,
            "intermediate_size": INTERMEDIATE, "vocab_size": VOCAB, "max_position_embeddings": 8192,
            "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "hidden_act": "silu", "dtype": "bfloat16",
            "tie_word_embeddings": False, "bos_token_id": 0, "eos_token_id": 1}


def parts(layers):
    """The files' tensors: embedding, each layer, norm and head."""
    kv = HIDDEN // HEADS * KV_HEADS
    yield {"model.embed_tokens.weight": [VOCAB, HIDDEN]}
    for layer in range(layers):
        block = f"model.layers.{layer}."
        yield {block + "input_layernorm.weight": [HIDDEN],
               block + "self_attn.q_proj.weight": [HIDDEN, HIDDEN],
               block + "self_attn.k_proj.weight": [kv, HIDDEN],
               block + "self_attn.v_proj.weight": [kv, HIDDEN],
               block + "self_attn.o_proj.weight": [HIDDEN, HIDDEN],
               block + "mlp.gate_proj.weight": [INTERMEDIATE, HIDDEN],
               block + "mlp.up_proj.weight": [INTERMEDIATE, HIDDEN],
               block + "mlp.down_proj.weight": [HIDDEN, INTERMEDIATE],
               block + "post_attention_layernorm.weight": [HIDDEN]}
    yield {"model.norm.weight": [HIDDEN], "lm_head.weight": [VOCAB, HIDDEN]}


def write_model(directory, layers):
    """bfloat16 numbers of about 0.01, the same block again and again."""
    noise = os.urandom(BLOCK // 2)
    block = bytes(byte for low in noise for byte in (low, 0x3C if low & 1 else 0xBC))
    files, weight_map = list(parts(layers)), {}
    for index, tensors in enumerate(files):
        name = f"model-{index + 1:05}-of-{len(files):05}.safetensors"
        header, end = {}, 0
        for tensor, shape in tensors.items():
            size = 2 * (shape[0] if len(shape) == 1 else shape[0] * shape[1])
            header[tensor] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
            weight_map[tensor] = name
            end += size
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(directory / name, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for begin in range(0, end, BLOCK):
                file.write(block[:min(BLOCK, end - begin)])
            file.flush()
            os.fsync(file.fileno())
    (directory / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": weight_map}))
    (directory / "config.json").write_text(json.dumps(config(layers)))
    return sorted(directory.glob("*.safetensors"))


def drop_pages(files):
    for path in files:
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_share(arguments):
    files, rank, ranks = arguments
    buffer, total = memoryview(bytearray(BLOCK)), 0
    for path in files:
        size = path.stat().st_size
        begin, end = size * rank // ranks, size * (rank + 1) // ranks
        with open(path, "rb", buffering=0) as file:
            file.seek(begin)
            while begin < end:
                begin += file.readinto(buffer[:min(BLOCK, end - begin)])
        total += end - size * rank // ranks
    return total


def read_raw(files, pool, ranks):
    start = time.time()
    total = sum(pool.map(read_share, [(files, rank, ranks) for rank in range(ranks)], 1))
    return total / (time.time() - start)


def memory_of_ranks(launcher):
    """PSS in bytes of each temper-rank below the process, by pid: all of it, and what is private,
    of mapped files and of memory shared on the node."""
    found, below = {}, [launcher]
    while below:
        pid = below.pop()
        try:
            below += map(int, open(f"/proc/{pid}/task/{pid}/children").read().split())
            if open(f"/proc/{pid}/comm").read().strip() == "temper-rank":
                rollup = open(f"/proc/{pid}/smaps_rollup").read()
                found[pid] = {kind: 1024 * int(rollup.split(f"\n{kind}:")[1].split()[0])
                              for kind in PSS_KINDS}
        except (OSError, IndexError):
            pass
    return found


def train(options, folder):
    """The events of one run, and the memory of the ranks until the first step begins: each rank's
    at its own peak, and the most that all had together."""
    out = folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    process = subprocess.Popen([options.bin / "temper", "train", folder / "run.yaml", "--nproc",
                                str(options.ranks)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    peaks, together, loading = {}, 0, True
    while process.poll() is None:
        if loading:
            now = memory_of_ranks(process.pid)
            for pid, memory in now.items():
                peaks[pid] = max(peaks.get(pid, memory), memory, key=lambda m: m["Pss"])
            together = max(together, sum(memory["Pss"] for memory in now.values()))
            loading = not (out / "metrics.jsonl").exists()
        time.sleep(0.02)
    assert process.returncode == 0, "the run failed"
    events = [json.loads(line) for line in open(out / "metrics.jsonl")]
    return {event["event"]: event for event in events}, list(peaks.values()), together


def export(options, folder):
    """Seconds and peak memory of writing the merged model and proving it."""
    start = time.time()
    process = subprocess.Popen([options.bin / "temper", "export", folder / "run", "-o", folder / "out",
                                "--merge", "--max-shard-size", "1GB"], stdout=subprocess.DEVNULL)
    peak = {"Pss": 0}
    while process.poll() is None:
        peak = max([peak, *memory_of_ranks(process.pid).values()], key=lambda memory: memory["Pss"])
        time.sleep(0.02)
    assert process.returncode == 0, "the export failed"
    size = sum(path.stat().st_size for path in (folder / "out").glob("*.safetensors"))
    return time.time() - start, peak, size


def prepare(options, folder):
    files = write_model(folder / "model", options.layers)
    temper = options.bin / "temper"
    lines = (json.dumps({"text": f"Line {i} of a text that nobody reads. "}) for i in range(200))
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    subprocess.run([temper, "new-tokenizer", folder / "corpus.jsonl", "--vocab-size", "300", "-o",
                    folder / "model/tokenizer.json"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([temper, "pack", folder / "corpus.jsonl", "-o", folder / "data.h5", "--model",
                    folder / "model", "--sequence-len", "32", "--overlong", "truncate"], check=True,
                   stdout=subprocess.DEVNULL)
    (folder / "run.yaml").write_text(
        "base_model: model\ndatasets: data.h5\noutput_dir: run\nadapter: lora\nlora_r: 8\n"
        f"lora_target_modules: [q_proj, v_proj]\nbase_placement: {options.placement}\nmax_steps: 1\n"
        f"global_batch_size: {options.ranks}\nlogging_steps: 1\n")
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=pathlib.Path, default=HERE.parent / "build/release/bin")
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--placement", default="node_shared")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, help="where to write the model")
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    with tempfile.TemporaryDirectory(dir=options.folder) as name, \
            multiprocessing.Pool(options.ranks) as pool:
        folder = pathlib.Path(name)
        (folder / "model").mkdir()
        files = prepare(options, folder)
        total = sum(path.stat().st_size for path in files)
        print(f"{options.layers} layers, {total / GIB:.2f} GiB of bfloat16 in {len(files)} files; "
              f"{options.ranks} ranks, base {options.placement}\n")
        print("| | raw read, GiB/s | hash, s | load, s | load, GiB/s | load against raw |")
        print("|---|---|---|---|---|---|")
        for state in ("cold", "warm"):
            rows = []
            for _ in range(options.repetitions):
                if state == "cold":
                    drop_pages(files)
                raw = read_raw(files, pool, options.ranks)
                if state == "cold":
                    drop_pages(files)
                events, peaks, together = train(options, folder)
                start = events["start"]
                rows.append((raw / GIB, start["hash_seconds"], start["load_seconds"],
                             total / GIB / start["load_seconds"]))
            raw, hashed, loaded, speed = (statistics.median(column) for column in zip(*rows))
            print(f"| {state} | {raw:.2f} | {hashed:.2f} | {loaded:.2f} | {speed:.2f} | "
                  f"{speed / raw:.2f} |", flush=True)
        mine = max(events["ranks"]["ranks"], key=lambda rank: rank["frozen_bytes"])
        held = sum(mine[key] for key in ("weight_bytes", "gradient_bytes", "optimizer_bytes",
                                         "frozen_bytes", "gathered_bytes", "leaf_bytes"))
        print(f"\na rank has to hold {held / GIB:.2f} GiB (base {mine['frozen_bytes'] / GIB:.2f}, "
              f"gathered weights {mine['gathered_bytes'] / GIB:.2f}, gradients of a stage "
              f"{mine['leaf_bytes'] / GIB:.2f}); the largest tensor is {INTERMEDIATE * HIDDEN * 4 / GIB:.2f} GiB in fp32\n"
              f"the ranks together: at most {together / GIB:.2f} GiB, {together / len(peaks) / GIB:.2f} "
              f"a rank\n\n| at its own peak, GiB | {' | '.join(PSS_KINDS)} |\n|---|{'---|' * 4}")
        for memory in peaks:
            print(f"| a rank | {' | '.join(f'{memory[kind] / GIB:.2f}' for kind in PSS_KINDS)} |")
        seconds, peak, size = export(options, folder)
        print(f"| export, merged | {' | '.join(f'{peak[kind] / GIB:.2f}' for kind in PSS_KINDS)} |\n\n"
              f"export with its proof: {size / GIB:.2f} GiB in {seconds:.1f} s")


if __name__ == "__main__":
    main()
