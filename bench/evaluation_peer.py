"""Evaluation and generation with transformers, as one writes them: a loop over padded batches, and
`generate` on batches padded on the left, sorted by length. Prints one JSON line. Started by
evaluation.py; loading is not among the measured seconds.

The work is a JSON list of {"what": "loss", "data": FILE.h5, "batch": N} and {"what": "answers",
"data": FILE.h5, "stop": [ids], "max_new": N, "batch": N}.
"""
import argparse
import json
import time

import h5py
import numpy as np
import torch
from transformers import AutoModelForCausalLM

PAD = 2


def documents_of(path):
    """(ids, supervised) of every packed document, in the order of the records."""
    with h5py.File(path) as file:
        first = file["rows/first_document"][:]
        lengths, records = file["documents/length"][:], file["documents/record"][:]
        tokens, supervised = file["rows/tokens"][:].astype(np.int64), file["rows/supervised"][:]
    documents = []
    for row in range(len(tokens)):
        begin = 0
        for length in lengths[first[row]:first[row + 1]]:
            end = begin + length
            documents.append((tokens[row, begin:end], supervised[row, begin:end] == 1))
            begin = end
    return [documents[i] for i in np.argsort(records, kind="stable")]


def held_out_loss(model, data, batch):
    documents = documents_of(data)
    began, total, count = time.perf_counter(), 0.0, 0
    for first in range(0, len(documents), batch):
        part = documents[first:first + batch]
        width = max(len(ids) for ids, _ in part)
        ids = torch.full((len(part), width), PAD)
        mask = torch.zeros((len(part), width), dtype=torch.long)
        labels = torch.full((len(part), width), -100)
        for i, (tokens, learnt) in enumerate(part):
            ids[i, :len(tokens)] = torch.from_numpy(tokens)
            mask[i, :len(tokens)] = 1
            labels[i, :len(tokens)] = torch.from_numpy(np.where(learnt, tokens, -100))
        targets = (labels[:, 1:] != -100).sum().item()
        mask = mask if len(part) > 1 else None  # nothing is padded
        total += model(ids, attention_mask=mask, labels=labels).loss.item() * targets
        count += targets
    seconds = time.perf_counter() - began
    tokens = sum(len(ids) for ids, _ in documents)
    return {"tokens_per_second": tokens / seconds, "loss": total / count}


def answers(model, data, stop, max_new, batch):
    prompts = [ids[:learnt.argmax()].tolist() for ids, learnt in documents_of(data)]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    texts = [None] * len(prompts)
    began = time.perf_counter()
    for first in range(0, len(order), batch):
        part = [prompts[i] for i in order[first:first + batch]]
        width = max(map(len, part))
        ids = torch.tensor([[PAD] * (width - len(p)) + p for p in part])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in part])
        out = model.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=max_new,
                             eos_token_id=stop, pad_token_id=PAD)
        for i, row in zip(order[first:first + batch], out[:, width:].tolist()):
            ends = [at for at, token in enumerate(row) if token in stop]
            texts[i] = row[:ends[0]] if ends else row
    seconds = time.perf_counter() - began
    return {"tokens_per_second": sum(map(len, texts)) / seconds, "lengths": list(map(len, texts))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
    results = []
    with torch.inference_mode():
        model(torch.arange(64)[None])
        for job in json.loads(options.work):
            measure = {"loss": held_out_loss, "answers": answers}[job.pop("what")]
            results.append(measure(model, **job))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
