"""TRL's way from JSONL to packed rows: pack_peer.py DATA.jsonl TOKENIZER.json TEMPLATE.jinja SEQUENCE_LEN

Prints {"imports": s, "data": s, "rows": n}; `data` is what `temper pack` is compared with."""
import json, os, sys, tempfile, time

start = time.time()
os.environ["RAYON_NUM_THREADS"] = "2"
import torch

torch.set_num_threads(2)
from datasets import load_dataset
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

imports = time.time() - start
tokenizer = PreTrainedTokenizerFast(tokenizer_file=sys.argv[2], bos_token="<s>", eos_token="</s>", pad_token="<unk>")
tokenizer.chat_template = open(sys.argv[3]).read()
model = LlamaForCausalLM(LlamaConfig(hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=128, vocab_size=32000))
with tempfile.TemporaryDirectory() as cache:
    start = time.time()
    rows = load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=cache)
    rows = rows.map(
        lambda r: {
            "prompt": [{"role": "user", "content": r["prompt"]}],
            "completion": [{"role": "assistant", "content": r["completion"]}],
        },
        remove_columns=rows.column_names,
    )
    config = SFTConfig(
        output_dir=cache, max_steps=1, per_device_train_batch_size=8, max_length=int(sys.argv[4]), packing=True,
        packing_strategy="bfd", use_cpu=True, report_to=[], save_strategy="no", bf16=False,
    )
    trainer = SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer)
    print(json.dumps({"imports": round(imports, 2), "data": round(time.time() - start, 2), "rows": len(trainer.train_dataset)}))
