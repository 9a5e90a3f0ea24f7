"""Times `temper pack` against TRL on the same two cores, one after the other, several times:

    pack_speed.py --temper build/release/bin/temper --peer-python venv/bin/python --corpus medquad.jsonl.gz \\
        --tokenizer llama2-tokenizer.json --template chatml.jinja [--repeats 5] [--cores 0,1]

Prints every run, the medians and their ratio. The peer's imports are not counted."""
import argparse, gzip, json, os, shutil, statistics, subprocess, tempfile, time

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name in ("temper", "peer-python", "corpus", "tokenizer", "template"):
    arguments.add_argument("--" + name, required=True)
arguments.add_argument("--repeats", type=int, default=5)
arguments.add_argument("--sequence-len", default="512")
arguments.add_argument("--cores", default="0,1")
options = arguments.parse_args()
here = os.path.dirname(os.path.abspath(__file__))
pinned = ["taskset", "-c", options.cores]
with tempfile.TemporaryDirectory() as folder:
    corpus = os.path.join(folder, "corpus.jsonl")
    with gzip.open(options.corpus, "rb") as packed, open(corpus, "wb") as plain:
        shutil.copyfileobj(packed, plain)
    ours, peers = [], []
    for _ in range(options.repeats):
        start = time.time()
        out = subprocess.run(
            pinned + [options.temper, "pack", corpus, "-o", os.path.join(folder, "out.h5"), "--tokenizer", options.tokenizer,
                      "--chat-template", "chatml", "--sequence-len", options.sequence_len, "--overlong", "truncate",
                      "--workers", "2", "--json"], check=True, capture_output=True)
        ours.append(time.time() - start)
        report = json.loads(out.stdout)
        out = subprocess.run(
            pinned + [options.peer_python, os.path.join(here, "pack_peer.py"), corpus, options.tokenizer, options.template,
                      options.sequence_len], check=True, capture_output=True)
        peer = json.loads(out.stdout.splitlines()[-1])
        peers.append(peer["data"])
        print(f"temper {ours[-1]:.2f} s ({report['rows']} rows, {report['useful_token_ratio']:.4f} useful), "
              f"TRL {peers[-1]:.2f} s after {peer['imports']:.1f} s of imports ({peer['rows']} rows)", flush=True)
    a, b = statistics.median(ours), statistics.median(peers)
    print(f"median: temper {a:.2f} s, TRL {b:.2f} s, ratio {b / a:.1f}")
