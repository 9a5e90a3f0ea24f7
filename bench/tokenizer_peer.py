"""Answers like temper-bench-tokenizer: tokenizer_peer.py hf|tiktoken TOKENIZER warm|cold

A JSON list of texts on each line of standard input; for each, the seconds that encoding took, the
number of ids and, the first time a list is seen, a hash of them (0 afterwards). One thread."""
import json, os, sys, time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"


def byte_alphabet():
    """GPT-2's: from the printable character to the byte that it stands for."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + i): byte for i, byte in enumerate(others)}


def hf_encoder(path):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    return lambda texts: [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def known_encoding(path):
    """The package's own of that name, with the ranks of this file."""
    import pathlib

    import tiktoken
    import tiktoken.load
    from tiktoken_ext import openai_public

    openai_public.load_tiktoken_bpe = lambda *_, **__: tiktoken.load.load_tiktoken_bpe(path)
    return tiktoken.Encoding(**getattr(openai_public, pathlib.Path(path).stem)())


def tiktoken_encoder(path):
    import tiktoken

    if path.endswith(".tiktoken"):
        encoding = known_encoding(path)
        return lambda texts: [encoding.encode(text, allowed_special="all") for text in texts]
    with open(path, encoding="utf-8") as file:
        json_file = json.load(file)
    alphabet = byte_alphabet()
    special = {token["content"]: token["id"] for token in json_file["added_tokens"]}
    ranks = {bytes(alphabet[c] for c in token): rank for token, rank in json_file["model"]["vocab"].items()
             if token not in special}
    steps = json_file["pre_tokenizer"].get("pretokenizers", [json_file["pre_tokenizer"]])
    gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    expression = steps[0]["pattern"]["Regex"] if steps[0]["type"] == "Split" else gpt2
    encoding = tiktoken.Encoding("peer", pat_str=expression, mergeable_ranks=ranks, special_tokens=special)
    return lambda texts: [encoding.encode(text, allowed_special="all") for text in texts]


def ids_hash(all_ids):
    value = 0xCBF29CE484222325
    for ids in all_ids:
        for token in ids:
            value = ((value ^ token) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def main():
    kind, path, cache = sys.argv[1:]
    make = hf_encoder if kind == "hf" else tiktoken_encoder
    encode = make(path)
    seen = set()
    for line in sys.stdin:
        texts = json.loads(line)
        if cache == "cold":
            encode = make(path)
        start = time.perf_counter()
        ids = encode(texts)
        seconds = time.perf_counter() - start
        key = hash(line)
        print(seconds, sum(map(len, ids)), 0 if key in seen else ids_hash(ids), flush=True)
        seen.add(key)


main()
