"""torch.distributed.checkpoint of a sharded state of --bytes, to durable: its files, and the
directories they are in, synced. Prints one JSON line with the median seconds of several saves.
Started by checkpoint.py through torchrun.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import time

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard

TENSORS = 75  # weights of such a model; each with two moments


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--saves", type=int, default=3)
    options = parser.parse_args()
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    mesh = init_device_mesh("cpu", (size,))
    elements = options.bytes // 4 // (3 * TENSORS) // size
    state = {f"{kind}.{i}": DTensor.from_local(torch.rand(elements), mesh, [Shard(0)])
             for i in range(TENSORS) for kind in ("weight", "adam_m", "adam_v")}
    seconds = []
    for save in range(options.saves + 1):
        folder = options.folder / str(save)
        dist.barrier()
        begin = time.perf_counter()
        dcp.save(state, checkpoint_id=str(folder))
        for path in folder.iterdir():
            if path.name.startswith(f"__{rank}_") or rank == 0 and path.name == ".metadata":
                sync(path)
        if rank == 0:
            sync(folder)
            sync(options.folder)
        dist.barrier()
        seconds.append(time.perf_counter() - begin)
        if rank == 0:
            shutil.rmtree(folder)
    if rank == 0:
        print(json.dumps({"seconds": statistics.median(seconds[1:])}))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
