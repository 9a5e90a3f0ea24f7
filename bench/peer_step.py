"""One run of what a user would start instead: transformers (+ peft) with FSDP2, DDP or one process.

Reads the rows and the model that temper trains on, so that both compute the same losses. Prints one
JSON line. Started by compare_peers.py, through torchrun where there are several ranks.
"""
import argparse
import json
import time

import h5py
import torch
import torch.distributed as dist


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", required=True, help="dataset made by `temper pack`")
    parser.add_argument("--mode", choices=["full", "lora"], required=True)
    parser.add_argument("--parallel", choices=["fsdp", "ddp", "single"], required=True)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--micro-batch", type=int, required=True, help="rows a rank computes at once")
    parser.add_argument("--accumulation", type=int, default=1)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--warmup", type=int, required=True)
    return parser.parse_args()


def load_rows(path):
    with h5py.File(path, "r") as file:
        tokens = torch.from_numpy(file["rows/tokens"][:].astype("int64"))
        supervised = torch.from_numpy(file["rows/supervised"][:].astype("bool"))
    return tokens, tokens.masked_fill(~supervised, -100)


def build(options):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        options.model, attn_implementation="sdpa", dtype=torch.float32)
    model.train()
    if options.mode == "lora":
        import peft

        model = peft.get_peft_model(model, peft.LoraConfig(
            task_type="CAUSAL_LM", r=16, lora_alpha=32, lora_dropout=0.0,
            target_modules="all-linear"))
    if options.parallel == "fsdp":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh("cpu", (dist.get_world_size(),))
        decoder = (model.base_model.model if options.mode == "lora" else model).model
        for layer in decoder.layers:
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)
    elif options.parallel == "ddp":
        model = torch.nn.parallel.DistributedDataParallel(model)
    return model


def pss_bytes():
    with open("/proc/self/smaps_rollup") as lines:
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    if options.parallel != "single":
        dist.init_process_group("gloo")
    rank = dist.get_rank() if dist.is_initialized() else 0
    world = dist.get_world_size() if dist.is_initialized() else 1
    tokens, labels = load_rows(options.rows)
    model = build(options)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0, fused=True)
    run = torch.compile(model) if options.compile else model

    rows_of_step = options.micro_batch * options.accumulation * world
    losses, seconds, first_step_at = [], [], None
    for step in range(options.steps):
        begin = time.time()
        total = 0.0
        for round_ in range(options.accumulation):
            row = step * rows_of_step + (round_ * world + rank) * options.micro_batch
            part = [(row + i) % len(tokens) for i in range(options.micro_batch)]
            loss = run(input_ids=tokens[part], labels=labels[part]).loss / options.accumulation
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.time() - begin)
        if first_step_at is None:
            first_step_at = time.time()
        mean = torch.tensor(total)
        if dist.is_initialized():
            dist.all_reduce(mean)
        losses.append(float(mean) / world)

    pss = torch.tensor(pss_bytes(), dtype=torch.float64)
    if dist.is_initialized():
        dist.all_reduce(pss)
    if rank == 0:
        steady = sorted(seconds[options.warmup:])
        print(json.dumps({
            "step_seconds": steady[len(steady) // 2],
            "first_step_at": first_step_at,
            "pss_bytes": float(pss),
            "losses": losses,
            "tokens_per_step": rows_of_step * tokens.shape[1],
        }), flush=True)
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
