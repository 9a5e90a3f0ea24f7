"""Random tokenizer.json files: every component that temper reads, in random company.

A small BPE vocabulary is learnt from the words of random_texts.py, byte-level or of characters,
with byte tokens or without; around it come random options, normalisers, pre-tokenizers,
post-processors, decoders and added tokens.
"""

import functools
import json
import random

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from random_texts import WORDS

EXPRESSIONS = [
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"\s+", r"\S+", r"\d{1,2}", r"\w+|[^\w\s]+", r"[a-e]", r" ", r"\p{Lu}\p{Ll}*", r"(?<=a)b|\n", r"x*", r"\b", r"\p{Han}+",
    r"[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]
BEHAVIOURS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


@functools.lru_cache(maxsize=None)
def trained(byte_level):
    tokenizer = Tokenizer(models.BPE())
    if byte_level:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        alphabet = list("abcdefghijklmnopqrstuvwxyzABCDETS \u2581.,'\u0120\n\u00e9")
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False,
                                  limit_alphabet=400 if byte_level else 120)
    words = WORDS * 2 + [w + " " + v for w in WORDS[:60] for v in WORDS[10:40]]
    tokenizer.train_from_iterator(words, trainer)
    return json.loads(tokenizer.to_str())["model"]


class Variants:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.edge_rate = self.random.choice([0.0, 1.0])

    def maybe(self, probability, make):
        return make() if self.random.random() < probability else None

    def flag(self):
        return self.random.random() < 0.5

    def pattern(self):
        if self.random.random() < 0.4:
            return {"String": self.random.choice([" ", "\u2581", "a", "the", "-", "\n", "  ", "\u00e9"])}
        return {"Regex": self.random.choice(EXPRESSIONS)}

    def model(self, byte_level):
        base = trained(byte_level)
        vocabulary = dict(base["vocab"])
        model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                 "end_of_word_suffix": None, "fuse_unk": self.flag(), "byte_fallback": False,
                 "ignore_merges": self.random.random() < 0.3, "vocab": vocabulary}
        if self.random.random() < 0.7:
            vocabulary["<unk>"] = len(vocabulary)
            model["unk_token"] = "<unk>"
        if self.random.random() < 0.6:
            model["byte_fallback"] = self.flag()
            count = self.random.choice([256, 256, 256, 128, 0])
            for byte in range(count):
                vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
        merges = base["merges"]
        as_text = self.flag() and not any(" " in a or " " in b for a, b in merges)
        model["merges"] = [f"{a} {b}" for a, b in merges] if as_text else merges
        return model

    def normalizer(self, depth=0):
        kind = self.random.choice(["NFC", "NFD", "NFKC", "NFKD", "Prepend", "Replace", "Lowercase", "Strip"]
                                  + ["Sequence"] * (3 if depth == 0 else 0))
        if kind == "Prepend":
            return {"type": kind, "prepend": self.random.choice(["\u2581", " ", "ab"])}
        if kind == "Replace":
            return {"type": kind, "pattern": self.pattern(),
                    "content": self.random.choice(["\u2581", " ", "", "xy", "\u00e9"])}
        if kind == "Strip":
            return {"type": kind, "strip_left": self.flag(), "strip_right": self.flag()}
        if kind == "Sequence":
            return {"type": kind, "normalizers": [self.normalizer(1) for _ in range(self.random.randint(0, 3))]}
        return {"type": kind}

    def pre_tokenizer(self, depth=0):
        kind = self.random.choice(["ByteLevel", "Split", "Split", "Digits", "Whitespace", "WhitespaceSplit",
                                   "Punctuation", "Metaspace", "BertPreTokenizer"]
                                  + ["Sequence"] * (4 if depth == 0 else 0))
        if kind == "ByteLevel":
            return self.byte_level_splitter()
        if kind == "Split":
            return {"type": kind, "pattern": self.pattern(), "behavior": self.random.choice(BEHAVIOURS),
                    "invert": self.random.random() < 0.3}
        if kind == "Digits":
            return {"type": kind, "individual_digits": self.flag()}
        if kind == "Punctuation":
            return {"type": kind, "behavior": self.random.choice(BEHAVIOURS)}
        if kind == "Metaspace":
            return self.metaspace()
        if kind == "Sequence":
            return {"type": kind, "pretokenizers": [self.pre_tokenizer(1) for _ in range(self.random.randint(0, 3))]}
        return {"type": kind}

    def byte_level_splitter(self):
        return {"type": "ByteLevel", "add_prefix_space": self.flag(), "trim_offsets": self.flag(),
                "use_regex": self.flag()}

    def metaspace(self):
        scheme = self.random.choice(["always", "first", "never"])
        part = {"type": "Metaspace", "replacement": self.random.choice(["\u2581", "\u2581", "_"])}
        if self.flag():
            part["prepend_scheme"] = scheme
            if self.flag():
                part["add_prefix_space"] = scheme != "never"
        else:
            part["add_prefix_space"] = self.flag()
        if self.flag():
            part["split"] = self.flag()
        return part

    def post_processor(self, vocabulary, depth=0):
        kind = self.random.choice(["ByteLevel", "TemplateProcessing", "RobertaProcessing", "BertProcessing"]
                                  + ["Sequence"] * (2 if depth == 0 else 0))
        if kind == "ByteLevel":
            return {"type": kind, "add_prefix_space": self.flag(), "trim_offsets": self.flag(), "use_regex": self.flag()}
        names = self.random.sample(sorted(vocabulary), 2)
        if kind in ("RobertaProcessing", "BertProcessing"):
            part = {"type": kind, "sep": [names[0], vocabulary[names[0]]], "cls": [names[1], vocabulary[names[1]]]}
            if kind == "RobertaProcessing":
                part.update(trim_offsets=self.flag(), add_prefix_space=self.flag())
            return part
        if kind == "Sequence":
            return {"type": kind, "processors": [self.post_processor(vocabulary, 1)
                                                 for _ in range(self.random.randint(0, 3))]}
        single = [{"Sequence": {"id": "A", "type_id": 0}}]
        special = {}
        for name in names:
            if self.random.random() < 0.7:
                token = {"SpecialToken": {"id": name, "type_id": 0}}
                single.insert(self.random.choice([0, len(single)]), token)
                special[name] = {"id": name, "ids": [vocabulary[name]], "tokens": [name]}
        return {"type": kind, "single": single,
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": special}

    def decoder(self, depth=0):
        kind = self.random.choice(["ByteLevel", "ByteFallback", "Fuse", "Strip", "Replace", "Metaspace"]
                                  + ["Sequence"] * (4 if depth == 0 else 0))
        if kind == "ByteLevel":
            return {"type": kind, "add_prefix_space": self.flag(), "trim_offsets": True, "use_regex": True}
        if kind == "Strip":
            return {"type": kind, "content": self.random.choice([" ", "\u2581", "a"]),
                    "start": self.random.randint(0, 2), "stop": self.random.randint(0, 2)}
        if kind == "Replace":
            return {"type": kind, "pattern": self.pattern(), "content": self.random.choice([" ", "", "z"])}
        if kind == "Metaspace":
            return self.metaspace()
        if kind == "Sequence":
            return {"type": kind, "decoders": [self.decoder(1) for _ in range(self.random.randint(0, 4))]}
        return {"type": kind}

    def added_tokens(self, vocabulary):
        contents = ["<s>", "</s>", "<|im_start|>", "the", "  ", "    ", "[X]", "x1", "na\u00efve", "E\u0301", "\n\n", "<s", "e"]
        tokens = []
        next_id = len(vocabulary)
        for content in self.random.sample(contents, self.random.choice([0, 0, 1, 2, 4, 6])):
            special = self.flag()
            known = vocabulary.get(content)
            token = {"id": known if known is not None else next_id, "content": content,
                     "single_word": self.random.random() < 0.25, "lstrip": self.random.random() < 0.25,
                     "rstrip": self.random.random() < 0.25, "normalized": self.flag(), "special": special}
            next_id += known is None
            tokens.append(token)
        return sorted(tokens, key=lambda t: t["id"])

    def tokenizer(self):
        byte_level = self.random.random() < 0.6
        model = self.model(byte_level)
        splitter = self.maybe(0.8, self.pre_tokenizer)
        if byte_level and self.random.random() < 0.6:
            last = self.byte_level_splitter()
            splitter = last if splitter is None else {"type": "Sequence", "pretokenizers": [splitter, last]}
        return {"version": "1.0", "truncation": None, "padding": None,
                "added_tokens": self.added_tokens(model["vocab"]),
                "normalizer": self.maybe(0.6, self.normalizer), "pre_tokenizer": splitter,
                "post_processor": self.maybe(0.6, lambda: self.post_processor(model["vocab"])),
                "decoder": self.maybe(0.85, self.decoder), "model": model}
