"""The same adaptation with TRL and peft: JSONL to chat template, tokens, packed rows, LoRA steps.

Prints one JSON line. Started by compare_trl.py, through torchrun where there are several ranks.
"""
import argparse
import json
import os
import tempfile
import time

import torch
from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import SFTConfig, SFTTrainer


class Clock(TrainerCallback):
    def __init__(self):
        self.ends = []

    def on_step_end(self, args, state, control, **kwargs):
        self.ends.append(time.time())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--records", required=True)
    parser.add_argument("--template", required=True)
    parser.add_argument("--rows-per-step", type=int, required=True)
    parser.add_argument("--sequence-len", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--warmup", type=int, required=True)
    options = parser.parse_args()
    world = int(os.environ.get("WORLD_SIZE", 1))
    torch.set_num_threads(options.threads)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=f"{options.model}/tokenizer.json", bos_token="<s>", eos_token="</s>",
        pad_token="</s>")
    tokenizer.chat_template = open(options.template).read()
    model = AutoModelForCausalLM.from_pretrained(
        options.model, attn_implementation="sdpa", dtype=torch.float32)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        records = load_dataset("json", data_files=options.records, split="train",
                               cache_dir=folder + "/cache")
        records = records.map(
            lambda r: {"prompt": [{"role": "user", "content": r["prompt"]}],
                       "completion": [{"role": "assistant", "content": r["completion"]}]},
            remove_columns=records.column_names)
        settings = SFTConfig(
            output_dir=folder + "/out", max_steps=options.steps,
            per_device_train_batch_size=options.rows_per_step // world,
            max_length=options.sequence_len, packing=True, packing_strategy="bfd",
            completion_only_loss=True, learning_rate=1e-4, use_cpu=True, report_to=[],
            save_strategy="no", bf16=False, logging_steps=1, gradient_checkpointing=False,
            disable_tqdm=True)
        trainer = SFTTrainer(
            model=model, args=settings, train_dataset=records, processing_class=tokenizer,
            peft_config=LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, lora_dropout=0.0,
                                   target_modules="all-linear"), callbacks=[clock])
        packed = trainer.train_dataset
        labels = sum(sum(label != -100 for label in row) for row in packed["labels"])
        trainer.train()
    if int(os.environ.get("RANK", 0)) == 0:
        gaps = sorted(b - a for a, b in zip(clock.ends, clock.ends[1:]))
        print(json.dumps({"step_seconds": gaps[len(gaps) // 2] if gaps else None,
                          "first_step_at": clock.ends[0],
                          "supervised_per_row": labels / len(packed),
                          "rows": len(packed)}), flush=True)


if __name__ == "__main__":
    main()
