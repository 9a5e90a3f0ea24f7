#!/usr/bin/env bash
# data.sh BIN MATERIAL: measures packing and loading (docs/results/data.md). BIN has temper and
# temper-bench-loader, MATERIAL has data/, tokenizers/ and fixtures/chat/. The corpus has GIGABYTES (5).
# PEER_PYTHON names a Python with trl and its dependencies; without it the peer is left out.
set -euo pipefail
bin=$(realpath "$1")
material=$(realpath "$2")
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
medquad=$material/data/medquad.jsonl.gz
tokenizer=$material/tokenizers/llama2-tokenizer.json

if [[ -n ${PEER_PYTHON:-} ]]; then
  python3 "$here/pack_speed.py" --temper "$bin/temper" --peer-python "$PEER_PYTHON" \
    --corpus "$medquad" --tokenizer "$tokenizer" --repeats "${REPEATS:-5}" \
    --template "$material/fixtures/chat/templates/chatml.jinja"
else
  echo 'data.sh: packing is not compared with a peer: set PEER_PYTHON'
fi
python3 "$here/big_corpus.py" "$medquad" "$work/corpus.jsonl" "${GIGABYTES:-5}"
"$bin/temper" pack "$work/corpus.jsonl" -o "$work/corpus.h5" --tokenizer "$tokenizer" \
  --chat-template chatml --sequence-len 512 --overlong truncate --workers 2
"$bin/temper-bench-loader" "$work/corpus.h5" "${ROWS:-200000}"
