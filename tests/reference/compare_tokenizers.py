"""Compares `temper tokenize` with Hugging Face `tokenizers` on random texts.

    python tests/reference/compare_tokenizers.py --temper build/release/bin/temper \\
        [--texts 100000] [--variants 1000] [--seed 1] [TOKENIZER ...]

For every file: ids and offsets of seeded random texts, without and with special tokens, and the
text that the ids and that random ids decode to. --variants makes that many tokenizer.json files
on its own, each a random choice of model options, normalisers, pre-tokenizers, post-processors,
decoders and added tokens around a small vocabulary, and compares on 200 texts each. Prints a line
per file, one for all variants, the first differences in full; exits 1 when there is any.

A TOKENIZER.model is compared with the `sentencepiece` package instead, and with NAME-tokenizer.json
beside NAME-tokenizer.model (ids, offsets and text, given the same added tokens) on texts without
U+00A0, which four tokens of that file have lost. NAME.tiktoken is compared with the `tiktoken`
package's encoding of that name, all of its special tokens allowed.

What temper refuses although `tokenizers` reads it is counted by message, not as a difference.

Needs `tokenizers`, for those files also `sentencepiece` and `tiktoken`, in a throw-away environment;
not run by CI. Last run: docs/results/tokenizers.md.
"""

import argparse
import collections
import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

from tokenizers import Tokenizer  # noqa: E402

from random_texts import RandomTexts  # noqa: E402
from tokenizer_variants import Variants  # noqa: E402

MAX_SHOWN = 5
CHUNK = 20000


class Refused(Exception):
    pass


def temper_lines(temper, tokenizer, flags, questions):
    """What `temper tokenize` answers to each question."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for question in questions:
            file.write(json.dumps(question) + "\n")
        file.flush()
        run = subprocess.run([temper, "tokenize", "--tokenizer", tokenizer, *flags, file.name],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if run.returncode == 2:
        raise Refused(run.stderr.decode(errors="replace").strip())
    if run.returncode != 0:
        raise RuntimeError(f"temper ended with {run.returncode}: {run.stderr.decode(errors='replace')}")
    # Not splitlines(): a text may contain other line separators.
    return [json.loads(line) for line in run.stdout.decode().split("\n") if line]


def snippets_of(tokenizer):
    added = [t.content for t in tokenizer.get_added_tokens_decoder().values()]
    vocabulary = list(tokenizer.get_vocab(with_added_tokens=False))
    spelled = random.Random(0).sample(sorted(vocabulary), min(2000, len(vocabulary)))
    return (added * (1 + len(spelled) // max(1, len(added))) if added else []) + spelled


def differences(temper, path, texts, seed, like=None, unlike=()):
    """Triples (what was asked, expected, got); `like` is the file of the reference, where it is another, and
    `unlike` are ids that mean something else there."""
    reference = Tokenizer.from_file(str(like or path))
    reference.no_truncation()
    reference.no_padding()
    found = []
    ids_seen = []
    for flags, special in (([], False), (["--special"], True)):
        answers = temper_lines(temper, path, flags, ({"text": t} for t in texts))
        expected = reference.encode_batch(texts, add_special_tokens=special)
        assert len(answers) == len(texts), (len(answers), len(texts))
        for text, answer, encoding in zip(texts, answers, expected):
            want = (encoding.ids, [list(o) for o in encoding.offsets])
            got = (answer["ids"], answer["offsets"])
            if want != got:
                found.append((("special " if special else "") + repr(text), want, got))
            if not special:
                ids_seen.append(encoding.ids)
    size = max(reference.get_vocab().values(), default=0) + 3
    generator = random.Random(seed)
    for _ in range(len(texts) // 2):
        ids = [generator.randrange(size) for _ in range(generator.choice([1, 2, 3, 5, 9]))]
        ids_seen.append([i for i in ids if i not in unlike])
    answers = temper_lines(temper, path, ["--decode"], ({"ids": ids} for ids in ids_seen))
    decoded = reference.decode_batch(ids_seen, skip_special_tokens=False)
    for ids, answer, want in zip(ids_seen, answers, decoded, strict=True):
        if answer["text"] != want:
            found.append((f"decode {ids}", want, answer["text"]))
    return found


def ids_and_text_differences(temper, path, texts, encode, decode):
    """The same against two functions of another package: ids, and what they decode to."""
    found = []
    ids_seen = [encode(text) for text in texts]
    answers = temper_lines(temper, path, [], ({"text": t} for t in texts))
    for text, answer, want in zip(texts, answers, ids_seen, strict=True):
        if answer["ids"] != want:
            found.append((repr(text), want, answer["ids"]))
    answers = temper_lines(temper, path, ["--decode"], ({"ids": ids} for ids in ids_seen))
    for ids, answer in zip(ids_seen, answers, strict=True):
        if answer["text"] != decode(ids):
            found.append((f"decode {ids}", decode(ids), answer["text"]))
    return found


def sentencepiece_differences(temper, path, texts, seed):
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(str(path))
    # The library finds no control tokens in a text.
    plain = [t for t in texts if t and not any(s in t for s in ("<s>", "</s>", "<unk>"))]
    found = ids_and_text_differences(temper, path, plain, processor.encode, processor.decode)
    like = path.with_suffix(".json")
    if not like.exists():
        return found
    with tempfile.TemporaryDirectory() as folder:
        model = shutil.copy(path, pathlib.Path(folder) / "tokenizer.model")
        added = json.loads(like.read_text(encoding="utf-8"))["added_tokens"]
        config = {"added_tokens_decoder": {token["id"]: token for token in added}}
        (pathlib.Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
        spaced = [t for t in texts if "\u00a0" not in t]
        reference = Tokenizer.from_file(str(like))
        lost = {i for t, i in reference.get_vocab().items() if " " in t}
        assert len(lost) == 4, lost
        return found + differences(temper, model, spaced, seed, like, lost)


def tiktoken_encoding(path):
    import tiktoken
    import tiktoken.load
    from tiktoken_ext import openai_public

    openai_public.load_tiktoken_bpe = lambda *_, **__: tiktoken.load.load_tiktoken_bpe(str(path))
    return tiktoken.Encoding(**getattr(openai_public, path.stem)())


def tiktoken_differences(temper, path, texts):
    encoding = tiktoken_encoding(path)
    return ids_and_text_differences(temper, path, texts, lambda t: encoding.encode(t, allowed_special="all"),
                                    encoding.decode)


def snippets_of_file(path):
    if path.suffix == ".tiktoken":
        encoding = tiktoken_encoding(path)
        ids = random.Random(0).sample(range(encoding.n_vocab), 2000)
        spelled = [encoding.decode([i]) for i in ids if i < len(encoding._mergeable_ranks)]
        return sorted(encoding.special_tokens_set) * 100 + [s for s in spelled if "\ufffd" not in s]
    like = path.with_suffix(".json")
    return snippets_of(Tokenizer.from_file(str(like))) if like.exists() else []


def compare_file(temper, path, num_texts, seed):
    generator = RandomTexts(seed, snippets_of_file(path))
    total, num_bytes = [], 0
    for first in range(0, num_texts, CHUNK):
        texts = [generator.text() for _ in range(min(CHUNK, num_texts - first))]
        num_bytes += sum(len(t.encode()) for t in texts)
        if path.suffix == ".model":
            total += sentencepiece_differences(temper, path, texts, seed + first)
        elif path.suffix == ".tiktoken":
            total += tiktoken_differences(temper, path, texts)
        else:
            total += differences(temper, path, texts, seed + first)
    print(f"{path.name}: {num_texts} texts ({num_bytes / 1e6:.1f} MB), {len(total)} differences", flush=True)
    return total


def compare_variant(temper, number, seed):
    """("equal" or "refused" or "both refuse" or "different", details)."""
    variant = Variants(seed * 1000003 + number)
    text = json.dumps(variant.tokenizer(), ensure_ascii=False)
    try:
        reference = Tokenizer.from_str(text)
    except BaseException as error:  # noqa: B902  a panic is no Exception
        reference = None
        reason = str(error)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tokenizer.json"
        path.write_text(text, encoding="utf-8")
        if reference is None:
            try:
                temper_lines(temper, path, [], [{"text": "a"}])
            except Refused:
                return "both refuse", reason
            return "only tokenizers refuses", reason
        generator = RandomTexts(number, snippets_of(reference), edge_rate=variant.edge_rate)
        texts = [generator.text() for _ in range(200)]
        try:
            found = differences(temper, path, texts, number)
        except Refused as refusal:
            message = str(refusal)
            return "only temper refuses", message[message.find("tokenizer.json") + 14:]
        except BaseException as error:  # noqa: B902
            return "tokenizers fails", type(error).__name__ + str(error)[:100]
    if found:
        parts = {k: v for k, v in json.loads(text).items() if k not in ("model",)}
        model = {k: v for k, v in json.loads(text)["model"].items() if k not in ("vocab", "merges")}
        return "different", (number, len(found), parts, model, found[:2])
    return "equal", None


def compare_variants(temper, count, seed):
    results = collections.Counter()
    reasons = collections.Counter()
    shown = []
    # A forked child would inherit the locks of the threads that have tokenized before.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(mp_context=context) as pool:
        for outcome, details in pool.map(compare_variant, [temper] * count, range(count), [seed] * count,
                                         chunksize=8):
            results[outcome] += 1
            if outcome == "different":
                shown.append(details)
            elif details is not None:
                reasons[f"{outcome}: {details}"] += 1
    print(f"variants: {dict(results)}")
    for reason, number in reasons.most_common(20):
        print(f"  {number} x {reason[:200]}")
    for number, num_found, parts, model, found in shown[:MAX_SHOWN]:
        print(f"variant {number}: {num_found} differences\n  {json.dumps(parts, ensure_ascii=True)[:3000]}\n  {model}")
        show(found)
    return results["different"]


def show(found):
    for asked, want, got in found[:MAX_SHOWN]:
        print(f"  {asked!r}\n    expected {want!r}\n    got      {got!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--temper", required=True)
    parser.add_argument("--texts", type=int, default=100000)
    parser.add_argument("--variants", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("tokenizers", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    bad = 0
    for path in arguments.tokenizers:
        found = compare_file(arguments.temper, path, arguments.texts, arguments.seed)
        show(found)
        bad += len(found)
    if arguments.variants:
        bad += compare_variants(arguments.temper, arguments.variants, arguments.seed)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
