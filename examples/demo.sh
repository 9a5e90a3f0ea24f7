#!/usr/bin/env bash
# The whole product on a synthetic corpus, in a few minutes on two cores: corpus, tokenizer, packing,
# pretraining of a tiny base, LoRA on two ranks, kill -9 half-way, resume, evaluation on questions in
# phrasings that were never trained on, export and its proof, and a table of what came out. It ends
# with 1 where that is not what it should be.
#   SEED=n      invents other facts
#   DEMO=quick  the same with a smaller model and fewer facts, in a minute or two
#   OUT=folder  where all of it goes; BIN=folder  where temper and temper-rank are
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SEED=${SEED:-1}
DEMO=${DEMO:-full}
OUT=$(realpath -m "${OUT:-out/demo-$DEMO-$SEED}")
export PATH="${BIN:-$PWD/build/release/bin}:$PATH"

say() { printf '\n== %s\n' "$*"; }
fail() { echo "demo: $*" >&2; exit 1; }

case $DEMO in
  full)
    entities=100 trade_entities=100 general_records=16000 replay_records=1000
    hidden=128 layers=4 base_batch=8 trade_weight=6 save_steps=100
    questions=600 least_answered=65 most_forgotten=5 ;;
  quick)
    entities=20 trade_entities=60 general_records=6000 replay_records=200
    hidden=96 layers=2 base_batch=4 trade_weight=3 save_steps=20
    questions=240 least_answered=50 most_forgotten=10 ;;
  *) fail "DEMO is '$DEMO'; it may be full or quick" ;;
esac

start=$SECONDS
if [[ -e $OUT ]]; then
  [[ -e $OUT/.temper-demo ]] || fail "$OUT exists and is not an earlier demo's; choose another OUT"
  rm -rf "$OUT"
fi
mkdir -p "$OUT"
touch "$OUT/.temper-demo"

say "1. Two corpora (seed $SEED): a private specialist one, and what the base is pretrained on"
temper synth -o "$OUT/private" --seed "$SEED" --entities "$entities" --phrasings 12 \
  --general "$general_records" --replay "$replay_records" --json >"$OUT/corpus.json"
# The base has read about the trade, as a real one has: other remedies, with other names and facts.
temper synth -o "$OUT/trade" --seed "$((SEED + 100000))" --entities "$trade_entities" --phrasings 12 >/dev/null
general=$OUT/private/general_train.jsonl
trade=$OUT/trade/specialist_train.jsonl
temper new-tokenizer "$general" "$trade" --vocab-size 2048 -o "$OUT/tokenizer.json"
cat >"$OUT/config.json" <<JSON
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 2048,
 "hidden_size": $hidden, "intermediate_size": $((3 * hidden)), "num_hidden_layers": $layers,
 "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 512,
 "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": true, "rope_theta": 10000.0,
 "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2, "initializer_range": 0.02,
 "torch_dtype": "float32"}
JSON
temper new-model --config "$OUT/config.json" --tokenizer "$OUT/tokenizer.json" -o "$OUT/empty" --seed "$SEED"

say "2. Packed to HDF5"
pack() {
  temper pack "$1" -o "$OUT/$2.h5" --model "$OUT/empty" --sequence-len 256 | sed -n 1p
  temper inspect "$OUT/$2.h5" --json >"$OUT/$2.json"
}
pack "$general" general
pack "$trade" trade
pack "$OUT/private/general_test.jsonl" general-unseen
pack "$OUT/private/general_replay.jsonl" replay
pack "$OUT/private/specialist_train.jsonl" specialist
pack "$OUT/private/specialist_test.jsonl" specialist-unseen

say "3. A tiny base, pretrained on 2 ranks (every parameter sharded)"
cat >"$OUT/base.yaml" <<YAML
base_model: empty
datasets:
  - {path: general.h5, weight: 0.7}
  - {path: trade.h5, weight: $trade_weight}
general_datasets: [{path: general-unseen.h5}]
micro_batch_size: $((base_batch / 2))
global_batch_size: $base_batch
num_epochs: 1
learning_rate: 5.0e-3
lr_scheduler: linear
warmup_steps: 20
weight_decay: 0.01
adam_beta2: 0.95
logging_steps: 100
output_dir: run-base
YAML
temper train "$OUT/base.yaml" --nproc 2
temper export "$OUT/run-base" -o "$OUT/base"

say "4. LoRA on 2 ranks, the base kept once per node; kill -9 half-way"
cat >"$OUT/lora.yaml" <<YAML
base_model: base
adapter: lora
lora_r: 32
lora_alpha: 64
base_placement: node_shared
datasets:
  - {path: specialist.h5}
  - {path: replay.h5, weight: 0.5}
test_datasets: [{path: specialist-unseen.h5}]
general_datasets: [{path: general-unseen.h5}]
micro_batch_size: 2
global_batch_size: 4
num_epochs: 15
learning_rate: 6.0e-3
lr_scheduler: linear
warmup_steps: 20
adam_beta2: 0.95
save_steps: $save_steps
logging_steps: 100
output_dir: run-lora
YAML

# A process and all that it has started, and theirs.
family() {
  local child
  echo "$1"
  for child in $(pgrep -P "$1"); do family "$child"; done
}
# Memory that processes share under a name: what a killed job could leave behind for ever.
shared_memory_of() {
  local process
  for process in "$@"; do grep -os '/dev/shm/[^ ]*' "/proc/$process/maps" || true; done | sort -u
}
newest() { # newest FIELD EVENT: in the run's log; nothing before the run has written any
  grep "\"event\":\"$2\"" "$OUT/run-lora/metrics.jsonl" 2>/dev/null | tail -n 1 |
    sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" || true
}
job=
end_job() {
  [[ -n $job ]] || return 0
  kill "$job" 2>/dev/null || true
  wait "$job" || true
}
trap end_job EXIT
temper train "$OUT/lora.yaml" --nproc 2 &
job=$!
until step=$(newest step step) && [[ -n $step && $step -ge $(($(newest max_steps start) / 2)) ]]; do
  kill -0 "$job" 2>/dev/null || fail "the job ended before it could be killed half-way"
  sleep 0.1
done
# Front door, mpirun and ranks alike, at once: nobody gets to say goodbye.
mapfile -t members < <(family "$job")
mapfile -t segments < <(shared_memory_of "${members[@]}")
kill -KILL "${members[@]}"
killed_with=0
wait "$job" 2>/dev/null || killed_with=$?
job=
[[ $killed_with -eq 137 ]] || fail "the job ended with $killed_with, not by the SIGKILL that it got"
killed_after=$(newest step step)
echo "demo: killed ${#members[@]} processes with SIGKILL after step $killed_after"
printf '{"processes": %d, "segments": %d, "after_step": %d}\n' "${#members[@]}" "${#segments[@]}" \
  "$killed_after" >"$OUT/killed.json"

say "   The same command again: it goes on from the last complete checkpoint"
temper train "$OUT/lora.yaml" --nproc 2
for segment in "${segments[@]}"; do
  [[ ! -e $segment ]] || fail "the killed job's $segment is still there"
done

say "5. Base and tuned model on $questions unseen questions and on unseen general text"
temper eval "$OUT/run-lora" --base --data "general=$OUT/general-unseen.h5" --limit "$questions" \
  --questions "$OUT/private/specialist_test.jsonl" --max-new-tokens 16 --nproc 2 --json \
  -o "$OUT/answers.jsonl" >"$OUT/eval.json"
temper report "$OUT/run-lora" --json >"$OUT/report.json"
temper report "$OUT/run-lora"

say "6. Export, loaded again from disk and compared with the live model"
temper export "$OUT/run-lora" -o "$OUT/adapter"
temper export "$OUT/run-lora" -o "$OUT/merged" --merge

say "7. One unseen question, asked again: the run, the merged export, the adapter on its base"
question=$(sed -n '1s/.*"prompt":"\([^"]*\)".*/\1/p' "$OUT/private/specialist_test.jsonl")
ask() { temper generate "$@" --prompt "$question" --max-new-tokens 16 | tee -a "$OUT/asked.txt"; }
echo "$question"
ask "$OUT/run-lora"
ask --model "$OUT/merged"
ask --model "$OUT/base" --adapter "$OUT/adapter"

say "Result"
temper tokenize --tokenizer "$OUT/tokenizer.json" "$OUT/private/general_test.jsonl" >"$OUT/general-tokens.jsonl"
python3 examples/demo_result.py "$OUT" --questions "$questions" --least-answered "$least_answered" \
  --most-forgotten "$most_forgotten" --seconds "$((SECONDS - start))"
