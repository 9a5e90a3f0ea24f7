"""Compares the rows of `temper pack` with transformers, token by token, ids and supervision:

    python tests/reference/compare_packed_rows.py --temper build/release/bin/temper --material DIR \\
        [--conversations 200] [--seed 1]

DIR has tokenizers/*-tokenizer.json and fixtures/chat/templates/*.jinja; templates/ beside this file
counts, too. For every pair of them, random conversations are packed and compared with
apply_chat_template(tokenize=True). Supervision:

  template with {% generation %}   return_assistant_tokens_mask. A token across the beginning of an
                                   answer is context in temper and in the mask of transformers: these
                                   are counted, and nothing else may differ. A record's first token is
                                   never supervised.
  any other template               the text between the rendering before an answer, with a generation
                                   prompt, and the one up to it: every token that begins there before
                                   the white space at its end (and before an EOS that ends the
                                   conversation) is supervised, and none that begins outside.

Records that temper refuses (odd roles, templates that render prefixes otherwise) are counted.
Needs transformers, h5py; not run by CI. Last run: docs/results/chat_templates.md.
"""

import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import h5py
import numpy as np
from transformers import PreTrainedTokenizerFast
from transformers.utils.chat_template_utils import _alias_reasoning_fields

from compare_templates import conversation, reference

SPECIAL = {"llama2": ("<s>", "</s>"), "llama3-style": ("<|begin_of_text|>", "<|eot_id|>"),
           "qwen2-style": (None, "<|im_end|>"), "phi2": (None, "<|endoftext|>")}
MAX_SHOWN = 3


def packed(temper, model, records):
    """Per record number (from 0) its ids and supervision; refused ones are left out."""
    lines = model / "records.jsonl"
    lines.write_text("".join(json.dumps({"messages": r}) + "\n" for r in records), encoding="utf-8")
    out = model / "rows.h5"
    run = subprocess.run([temper, "pack", lines, "-o", out, "--model", model, "--format", "chat", "--sequence-len",
                          "65536", "--on-error", "skip", "--no-hygiene"], capture_output=True, text=True)
    if run.returncode == 2 and "nothing to learn" in run.stderr:
        return {}
    if run.returncode != 0:
        raise RuntimeError(run.stderr)
    result = {}
    with h5py.File(out) as file:
        first = file["rows/first_document"][:]
        for row in range(len(first) - 1):
            tokens, supervised = file["rows/tokens"][row], file["rows/supervised"][row]
            begin = 0
            for document in range(first[row], first[row + 1]):
                end = begin + file["documents/length"][document]
                result[int(file["documents/record"][document]) - 1] = (tokens[begin:end].tolist(),
                                                                      supervised[begin:end].tolist())
                begin = end
    return result


def marked(tokenizer, messages):
    """ids, mask of transformers, and which tokens lie across the beginning of an answer."""
    answer = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True,
                                           return_assistant_tokens_mask=True, return_offsets_mapping=True)
    mask = answer["assistant_masks"]
    starts = [i for i, m in enumerate(mask) if m and (i == 0 or not mask[i - 1])]
    return answer["input_ids"], mask, starts


def rendered(tokenizer, messages, add_generation_prompt):
    # What apply_chat_template does to messages before it renders them.
    messages = _alias_reasoning_fields([{k: v for k, v in m.items() if v is not None} for m in messages])
    return reference(tokenizer.chat_template, {"messages": messages, "add_generation_prompt": add_generation_prompt,
                                               **tokenizer.special_tokens_map})["rendered"]


def turns(tokenizer, messages, whole):
    """(begin, surely learnt up to, learnt at most up to) in characters, per assistant message."""
    found = []
    for i, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        # Not apply_chat_template, which refuses to render no message.
        before = rendered(tokenizer, messages[:i], True)
        upto = rendered(tokenizer, messages[:i + 1], False)
        if not (whole.startswith(before) and whole.startswith(upto)) and i + 1 < len(messages):
            # What ends the conversation stands behind the rendering of its beginning only.
            upto = upto.removesuffix(tokenizer.eos_token or "")
        assert whole.startswith(before) and whole.startswith(upto), "packed although no prefix"
        surely = upto.rstrip()
        if i + 1 == len(messages) and tokenizer.eos_token:
            surely = surely.removesuffix(tokenizer.eos_token).rstrip()
        found.append((len(before), len(surely), len(upto)))
    return found


class Comparison:
    def __init__(self):
        self.records = self.refused = self.tokens = self.straddling = self.different = 0
        self.shown = []

    def differs(self, *details):
        self.different += 1
        self.shown.append(details)

    def compare_marked(self, tokenizer, messages, ids, supervised):
        want_ids, mask, starts = marked(tokenizer, messages)
        if ids != want_ids:
            return self.differs(messages, want_ids, ids)
        for i, (want, got) in enumerate(zip(mask, supervised)):
            if want == got or (i == 0 and want):
                continue
            if want and i in starts:
                self.straddling += 1
            else:
                return self.differs(messages, i, mask, supervised)

    def compare_unmarked(self, tokenizer, messages, ids, supervised):
        whole = tokenizer.apply_chat_template(messages, tokenize=False)
        encoding = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
        if ids != encoding["input_ids"] or ids != tokenizer.apply_chat_template(messages, return_dict=True)["input_ids"]:
            return self.differs(messages, encoding["input_ids"], ids)
        spans = turns(tokenizer, messages, whole)
        for i, (begin, _) in enumerate(encoding["offset_mapping"]):
            surely = any(low <= begin < high for low, high, _ in spans) and i > 0
            perhaps = any(low <= begin < high for low, _, high in spans)
            if (surely and not supervised[i]) or (supervised[i] and not perhaps):
                return self.differs(messages, i, encoding["offset_mapping"][i], spans, supervised[i])


def compare(temper, name, tokenizer_file, source, records):
    comparison = Comparison()
    bos, eos = SPECIAL[name]
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_file), bos_token=bos, eos_token=eos,
                                        chat_template=source)
    is_marked = re.search(r"{%-?\s*generation", source) is not None
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder)
        (model / "tokenizer.json").write_bytes(tokenizer_file.read_bytes())
        (model / "tokenizer_config.json").write_text(
            json.dumps({"bos_token": bos, "eos_token": eos, "chat_template": source}))
        rows = packed(temper, model, records)
    comparison.refused = len(records) - len(rows)
    for number, (ids, supervised) in rows.items():
        comparison.records += 1
        comparison.tokens += len(ids)
        check = comparison.compare_marked if is_marked else comparison.compare_unmarked
        check(tokenizer, records[number], ids, supervised)
    return comparison, is_marked


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--temper", required=True)
    parser.add_argument("--material", type=pathlib.Path, required=True)
    parser.add_argument("--conversations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    templates = sorted((options.material / "fixtures" / "chat" / "templates").glob("*.jinja"))
    templates += sorted((pathlib.Path(__file__).parent / "templates").glob("*.jinja"))
    totals = {True: np.zeros(5, dtype=np.int64), False: np.zeros(5, dtype=np.int64)}
    for name in SPECIAL:
        for template in templates:
            rng = random.Random(f"{options.seed} {name} {template.name}")
            records = [conversation(rng)["messages"] for _ in range(options.conversations)]
            source = template.read_text(encoding="utf-8")
            file = options.material / "tokenizers" / f"{name}-tokenizer.json"
            result, is_marked = compare(options.temper, name, file, source, records)
            row = (result.records, result.refused, result.tokens, result.straddling, result.different)
            totals[is_marked] += row
            print(f"{name} {template.name}: {result.records} records, {result.refused} refused, {result.tokens} tokens, "
                  f"{result.straddling} straddling, {result.different} different", flush=True)
            for details in result.shown[:MAX_SHOWN]:
                print("  ", ascii(details)[:1500])
    for is_marked, total in totals.items():
        print("marked" if is_marked else "not marked", dict(zip(("records", "refused", "tokens", "straddling",
                                                                  "different"), total.tolist())))
    return int(any(total[-1] for total in totals.values()))


if __name__ == "__main__":
    sys.exit(main())
