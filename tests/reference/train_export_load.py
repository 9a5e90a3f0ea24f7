"""Trains every fixture model with temper, exports it and loads it in transformers and peft.

    python tests/reference/train_export_load.py --bin build/release/bin --fixtures FIXTURES/models

Each model, in both spellings of config.json, is trained for 5 steps on 2 ranks: in full, with LoRA on
all linear modules, and with LoRA beside a trained embedding and head. What `temper export` writes
(whole, adapter, merged; float32 and bfloat16) is opened as its users open it and asked for the logits
of seeded random tokens; `temper-rank score` answers the same from the same directory. A bfloat16
export must hold, bit by bit, what torch makes of the float32 export's tensors. Adapters that peft
wrote, with modules to save, are read back, too. An adapter is checked against what vLLM documents.

Prints a table and exits 1 when a difference exceeds 1e-4 or a requirement is not met. Needs torch,
transformers, peft and safetensors in a throw-away environment; not run by CI.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from compare_with_transformers import TOLERANCE, open_export, random_batch, score

SAVED = ["embed_tokens", "lm_head"]
MODULES = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
# What vLLM takes (vllm/lora/peft_helper.py, lora_model.py): see docs/results/models.md.
VLLM_MAX_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


def byte_tokenizer():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    vocab = {chr(b if b in printable else next(others)): b for b in range(256)}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
            "normalizer": None, "pre_tokenizer": level, "post_processor": None, "decoder": level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None,
                      "continuing_subword_prefix": None, "end_of_word_suffix": None,
                      "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                      "vocab": vocab, "merges": []}}


def make_base(fixture, spelling, base):
    """The fixture with one spelling of its configuration and a tokenizer of its 256 tokens."""
    base.mkdir(parents=True)
    for path in [*fixture.glob("*.safetensors*"), fixture / "generation_config.json"]:
        if path.name not in ("expected.safetensors", "adamw_5_steps.safetensors"):
            shutil.copy(path, base)
    shutil.copy(fixture / spelling, base / "config.json")
    (base / "tokenizer.json").write_text(json.dumps(byte_tokenizer()))


class FineTune:
    def __init__(self, binaries, fixture, spelling, folder):
        self.temper, self.rank = binaries / "temper", binaries / "temper-rank"
        self.folder, self.base = folder, folder / "base"
        make_base(fixture, spelling, self.base)
        lines = [json.dumps({"text": f"Record {i} says that {i} and {i * 7} make {i * 8}. " * 3})
                 for i in range(40)]
        (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
        self.run("pack", folder / "corpus.jsonl", "-o", folder / "data.h5", "--model", self.base,
                 "--sequence-len", "128", "--overlong", "truncate")

    def run(self, *arguments):
        done = subprocess.run([self.temper, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"temper {' '.join(map(str, arguments))}: {done.stderr}")

    def train(self, name, more):
        (self.folder / f"{name}.yaml").write_text(
            f"base_model: base\ndatasets: [{{path: data.h5}}]\noutput_dir: {name}\nmax_steps: 5\n"
            "global_batch_size: 4\nlearning_rate: 2e-3\nlr_scheduler: constant\n" + more)
        self.run("train", self.folder / f"{name}.yaml", "--nproc", "2")

    def export(self, run, name, *options):
        self.run("export", self.folder / run, "-o", self.folder / name, *options)
        return self.folder / name


def difference(fine_tune, directory):
    """Largest difference between their logits and ours, both in fp32 from the same files."""
    model, arguments, _ = open_export(directory)
    ids, labels = random_batch(model.config.vocab_size)
    with torch.no_grad():
        theirs = model(ids, labels=labels)
    ours = score(fine_tune.rank, arguments, ids, labels)
    return max((theirs.logits - ours["logits"]).abs().max().item(),
               abs(theirs.loss.item() - ours["loss"].item()))


def tensors(directory):
    merged = {}
    for path in directory.glob("*.safetensors"):
        merged.update(load_file(path))
    return merged


def is_rounded(rounded, exact):
    """Whether each tensor is the other's, rounded to bfloat16 by torch."""
    rounded, exact = tensors(rounded), tensors(exact)
    return rounded.keys() == exact.keys() and all(
        torch.equal(rounded[name], exact[name].to(torch.bfloat16)) for name in exact)


def vllm_problems(directory):
    config = json.loads((directory / "adapter_config.json").read_text())
    problems = []
    if config["peft_type"] != "LORA" or config["bias"] != "none" or config.get("use_dora"):
        problems.append("plain LoRA without biases or DoRA")
    if config["r"] > max(VLLM_MAX_RANKS):
        problems.append("rank")
    if config["modules_to_save"]:
        problems.append("modules_to_save")
    if config["rank_pattern"] or config["alpha_pattern"]:
        problems.append("one rank and one alpha")
    if not isinstance(config["target_modules"], list) or not set(config["target_modules"]) <= MODULES:
        problems.append("target_modules")
    name = re.compile(r"base_model\.model\.model\.layers\.\d+\.(self_attn|mlp)\.(\w+)\.lora_[AB]\.weight")
    with safe_open(directory / "adapter_model.safetensors", "pt") as file:
        for key in file.keys():
            found = name.fullmatch(key)
            if not found or found[2] not in MODULES:
                problems.append(key)
    return problems


def read_peft_adapter(fine_tune, ensure_weight_tying):
    """An adapter with modules to save that peft wrote, read and merged by temper."""
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(fine_tune.base, dtype=torch.float32)
    setting = LoraConfig(r=4, lora_alpha=12, target_modules=["q_proj", "down_proj"],
                         modules_to_save=list(SAVED), task_type="CAUSAL_LM",
                         ensure_weight_tying=ensure_weight_tying)
    model = get_peft_model(base, setting).eval()
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.add_(torch.randn_like(parameter) * 0.05)
    directory = fine_tune.folder / "peft_adapter"
    model.save_pretrained(directory)
    ids, labels = random_batch(base.config.vocab_size)
    with torch.no_grad():
        logits = model(ids).logits
    worst = 0.0
    for more in ([], ["--merged"]):
        arguments = ["--model", fine_tune.base, "--adapter", directory, *more]
        ours = score(fine_tune.rank, arguments, ids, labels)
        worst = max(worst, (logits - ours["logits"]).abs().max().item())
    return worst


def compare(fine_tune):
    """The row of a table: name of the column to what was found there."""
    tied = json.loads((fine_tune.base / "config.json").read_text()).get("tie_word_embeddings", False)
    lora = "adapter: lora\nlora_r: 8\nlora_alpha: 16\n"
    fine_tune.train("full", "")
    fine_tune.train("lora", lora)
    fine_tune.train("saved", lora + f"lora_modules_to_save: [{', '.join(SAVED)}]\n")
    found = {}
    for kind, options in (("full", ()), ("lora", ("--merge",)), ("saved", ("--merge",))):
        name = kind if kind == "full" else f"{kind} merged"
        exact = fine_tune.export(kind, f"{kind}_f32", "--dtype", "float32", *options)
        rounded = fine_tune.export(kind, f"{kind}_bf16", "--dtype", "bfloat16", *options)
        found[f"{name} f32"] = difference(fine_tune, exact)
        found[f"{name} bf16"] = difference(fine_tune, rounded)
        if not is_rounded(rounded, exact):
            found[f"{name} bf16"] = float("nan")
        assert ("lm_head.weight" in tensors(exact)) != tied, "tied weights are stored once"
    for kind in ("lora", "saved"):
        found[f"{kind} adapter"] = difference(fine_tune, fine_tune.export(kind, f"{kind}_adapter"))
    found["peft's adapter"] = read_peft_adapter(fine_tune, tied)
    problems = vllm_problems(fine_tune.folder / "lora_adapter")
    if problems:
        raise SystemExit(f"vLLM does not take the adapter: {problems}")
    assert vllm_problems(fine_tune.folder / "saved_adapter"), "the check of vLLM's rules is blind"
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", required=True, type=pathlib.Path, help="folder of the programs")
    parser.add_argument("--fixtures", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    worst, header = 0.0, None
    for fixture in sorted(path for path in arguments.fixtures.iterdir() if path.is_dir()):
        for spelling in ("config.json", "config_transformers4.json"):
            with tempfile.TemporaryDirectory() as folder:
                row = compare(FineTune(arguments.bin.resolve(), fixture, spelling,
                                       pathlib.Path(folder)))
            if header is None:
                header = list(row)
                print("| model, config of transformers | " + " | ".join(header) + " |")
                print("|---|" + "---|" * len(header))
            version = 4 if "4" in spelling else 5
            print(f"| {fixture.name}, {version} | "
                  + " | ".join(f"{row[name]:.1e}" for name in header) + " |", flush=True)
            # Written so that a NaN counts.
            worst = max([worst, *(value if value == value else 1.0 for value in row.values())])
    print(f"\nlargest difference {worst:.1e}, allowed {TOLERANCE:.0e}")
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
