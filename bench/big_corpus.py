"""Writes a corpus of GIGABYTES made of the sentences of another one: big_corpus.py IN.jsonl.gz OUT.jsonl GIGABYTES

Each record is a question of its own and an answer of sentences drawn at random, so that records are
about as long as the original ones and hardly any two are nearly alike."""
import gzip, json, random, sys

source, target, gigabytes = sys.argv[1], sys.argv[2], float(sys.argv[3])
random.seed(1)
sentences, counts, questions = [], [], []
with gzip.open(source, "rt", encoding="utf-8") as lines:
    for line in lines:
        record = json.loads(line)
        parts = [p for p in record["completion"].split(". ") if p]
        counts.append(max(1, len(parts)))
        sentences += [json.dumps(p + ". ", ensure_ascii=False)[1:-1] for p in parts]
        questions.append(json.dumps(record["prompt"], ensure_ascii=False)[1:-1])
written, number = 0, 0
with open(target, "w", encoding="utf-8") as out:
    while written < gigabytes * 1e9:
        block = []
        for _ in range(2000):
            number += 1
            answer = "".join(random.choices(sentences, k=random.choice(counts)))
            block.append('{"prompt": "%d: %s", "completion": "%s"}\n' % (number, random.choice(questions), answer))
        text = "".join(block)
        out.write(text)
        written += len(text)
print(number, "records,", written, "characters")
