"""Compares the scores of answers with their reference programs.

    python tests/reference/compare_scores.py --scores build/release/tests/bin/temper_score_pairs \\
        [--pairs 1000] [--seed 1] [--texts FILE.jsonl[.gz]]

Token F1 against the SQuAD evaluation script's definition (repeated here), ROUGE-L against rouge-score,
chrF against sacrebleu, on seeded random pairs: invented sentences with odd characters and, with
--texts, completions of a corpus, cut, shuffled and mixed. Prints the largest differences and exits 1
when one is above 1e-9.

Needs rouge-score and sacrebleu in a throw-away environment; not run by CI.
Last run: see docs/results/evaluation.md.
"""

import argparse
import collections
import gzip
import json
import random
import re
import string
import subprocess
import sys

from rouge_score import rouge_scorer
from sacrebleu.metrics import CHRF

WORDS = ["the", "a", "An", "iron", "Iron", "deficiency", "is", "treated", "with", "supplements,", "B-12", "5.0",
         "mg/day", "naïve", "日本語", "Ärzte", "e.g.", "the-cat", "—", "…", "“quoted”", "don't", "x_y", "İ", "ß", "\u00a0",
         "👍🏽", "co\u0301mbining", "²", "a\u2028b", "", "  ", "\n", "\t"]


def normalize_answer(s):
    """SQuAD's evaluate-v2.0.py."""
    s = "".join(ch for ch in s.lower() if ch not in set(string.punctuation))
    return " ".join(re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", s).split())


def squad_f1(expected, answer):
    gold, given = normalize_answer(expected).split(), normalize_answer(answer).split()
    same = sum((collections.Counter(gold) & collections.Counter(given)).values())
    if not gold or not given:
        return float(gold == given)
    if same == 0:
        return 0.0
    precision, recall = same / len(given), same / len(gold)
    return 2 * precision * recall / (precision + recall)


def random_pairs(count, seed, texts):
    rng = random.Random(seed)
    for i in range(count):
        if texts and i % 2:
            words = rng.choice(texts).split(" ")[:rng.randint(1, 80)]
        else:
            words = [rng.choice(WORDS) for _ in range(rng.randint(0, 25))]
        answer = list(words)
        for _ in range(rng.randint(0, 6)):
            kind, at = rng.random(), rng.randint(0, len(answer))
            if kind < 0.3 and answer:
                answer.pop(at % len(answer))
            elif kind < 0.6:
                answer.insert(at, rng.choice(WORDS))
            elif kind < 0.8:
                answer = answer[at:] + answer[:at]
            else:
                answer = answer[:at]
        yield {"answer": " ".join(answer), "expected": " ".join(words)}


def read_texts(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt") as lines:
        return [json.loads(line)["completion"] for line in lines]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scores", required=True)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--texts")
    options = parser.parse_args()
    texts = read_texts(options.texts) if options.texts else []
    pairs = list(random_pairs(options.pairs, options.seed, texts))
    sent = "".join(json.dumps(pair) + "\n" for pair in pairs)
    run = subprocess.run([options.scores], input=sent, text=True, stdout=subprocess.PIPE, check=True)
    ours = [json.loads(line) for line in run.stdout.splitlines()]
    rouge, chrf = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False), CHRF()
    worst = collections.Counter()
    for pair, scores in zip(pairs, ours, strict=True):
        answer, expected = pair["answer"], pair["expected"]
        reference = {"f1": squad_f1(expected, answer),
                     "rouge_l": rouge.score(expected, answer)["rougeL"].fmeasure,
                     "chrf": chrf.sentence_score(answer, [expected]).score / 100}
        for name, value in reference.items():
            difference = abs(value - scores[name])
            if difference > max(1e-9, worst[name]):
                print(name, value, scores[name], pair)
            worst[name] = max(worst[name], difference)
    print(f"{len(pairs)} pairs; largest differences: " +
          ", ".join(f"{name} {worst[name]:.1e}" for name in ("f1", "rouge_l", "chrf")))
    return 1 if max(worst.values()) > 1e-9 else 0


if __name__ == "__main__":
    sys.exit(main())
