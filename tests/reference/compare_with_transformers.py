"""Opens what `temper export` wrote in transformers and peft and compares the logits.

    python tests/reference/compare_with_transformers.py --temper-rank build/release/bin/temper-rank EXPORT...

Each EXPORT is a full, merged or adapter directory. It is opened as its users would open it
(AutoModelForCausalLM, AutoPeftModelForCausalLM), in fp32 so that only the weights' type matters,
and asked for the logits and the loss of seeded random tokens; `temper-rank score` answers the same.
The golden vectors of export_report.json are checked, too: token ids by transformers' tokenizer,
first logits by its model. Prints one line per directory; exits 1 when a difference exceeds 1e-4.

Needs torch, transformers, peft and safetensors in a throw-away environment; not run by CI. The
versions it was last run with: torch 2.11.0, transformers 5.23.0, peft 0.21.2.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from peft import AutoPeftModelForCausalLM
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

TOLERANCE = 1e-4


def open_export(directory):
    """The model, and the arguments by which temper-rank loads the same."""
    adapter_config = directory / "adapter_config.json"
    if not adapter_config.exists():
        model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
        return model.eval(), ["--model", directory], directory
    base = json.loads(adapter_config.read_text())["base_model_name_or_path"]
    model = AutoPeftModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    return model.eval(), ["--model", base, "--adapter", directory], base


def random_batch(vocab_size):
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(vocab_size, (2, 48), generator=generator)
    labels = ids.clone()
    labels[:, :10] = -100
    return ids, labels


def score(temper_rank, arguments, ids, labels):
    with tempfile.TemporaryDirectory() as folder:
        save_file({"input_ids": ids, "labels": labels}, f"{folder}/in.safetensors")
        files = ["--input", f"{folder}/in.safetensors", "--output", f"{folder}/out.safetensors"]
        subprocess.run([temper_rank, "score", *map(str, arguments), *files], check=True)
        return load_file(f"{folder}/out.safetensors")


def golden_difference(report, model, tokenizer_directory):
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_directory)
    worst = 0.0
    for golden in report["golden"]:
        # Built-in templates that print BOS render it as text; for the others it is in the ids only.
        ids = tokenizer(golden["rendered"], add_special_tokens=False)["input_ids"]
        assert golden["token_ids"][-len(ids):] == ids, "token ids differ"
        with torch.no_grad():
            logits = model(torch.tensor([golden["token_ids"]])).logits[0, -1]
        for entry in golden["first_logits"]:
            worst = max(worst, abs(logits[entry["token_id"]].item() - entry["logit"]))
    return worst


def compare(temper_rank, directory):
    report = json.loads((directory / "export_report.json").read_text())
    model, arguments, tokenizer_directory = open_export(directory)
    ids, labels = random_batch(model.config.vocab_size)
    with torch.no_grad():
        theirs = model(ids, labels=labels)
    ours = score(temper_rank, arguments, ids, labels)
    logits = (theirs.logits - ours["logits"]).abs().max().item()
    loss = abs(theirs.loss.item() - ours["loss"].item())
    golden = golden_difference(report, model, tokenizer_directory)
    print(f"{directory}: {report['kind']}, {report['dtype']}: logits {logits:.2e}, loss {loss:.2e}, "
          f"{len(report['golden'])} golden vectors {golden:.2e}")
    return max(logits, loss, golden) <= TOLERANCE


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--temper-rank", required=True, help="the program to compare with")
    parser.add_argument("exports", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    same = [compare(arguments.temper_rank, directory) for directory in arguments.exports]
    sys.exit(0 if all(same) else 1)


if __name__ == "__main__":
    main()
