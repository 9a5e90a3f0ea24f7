#!/usr/bin/env bash
# The whole product on a synthetic corpus, in a few minutes on two cores: corpus, tokenizer, packing,
# pretraining of a tiny base, LoRA on two ranks, kill -9 half-way, resume, evaluation on questions in
# phrasings that were never trained on, export and its proof. SEED=n invents other facts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SEED=${SEED:-1}
OUT=${OUT:-out/demo-$SEED}
QUESTIONS=${QUESTIONS:-600}
export PATH="${BIN:-$PWD/build/release/bin}:$PATH"
case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac

start=$SECONDS
say() { printf '\n== %s\n' "$*"; }
fail() { echo "demo: $*" >&2; exit 1; }

if [[ -e $OUT ]]; then
  [[ -e $OUT/.temper-demo ]] || fail "$OUT exists and is not an earlier demo's; choose another OUT"
  rm -rf "$OUT"
fi
mkdir -p "$OUT"
touch "$OUT/.temper-demo"

say "1. Two corpora (seed $SEED): a private specialist one, and what the base is pretrained on"
temper synth -o "$OUT/private" --seed "$SEED" --phrasings 12 | tee "$OUT/corpus.txt"
# The base has read about the trade, as a real one has: other remedies, with other names and facts.
temper synth -o "$OUT/trade" --seed "$((SEED + 100000))" --phrasings 12 >/dev/null
general=$OUT/private/general_train.jsonl
trade=$OUT/trade/specialist_train.jsonl
temper new-tokenizer "$general" "$trade" --vocab-size 2048 -o "$OUT/tokenizer.json"
cat >"$OUT/config.json" <<'JSON'
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 2048,
 "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
 "num_key_value_heads": 4, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
 "hidden_act": "silu", "tie_word_embeddings": true, "rope_theta": 10000.0, "bos_token_id": 0,
 "eos_token_id": 1, "pad_token_id": 2, "initializer_range": 0.02, "torch_dtype": "float32"}
JSON
temper new-model --config "$OUT/config.json" --tokenizer "$OUT/tokenizer.json" -o "$OUT/empty" --seed "$SEED"

say "2. Packed to HDF5"
pack() { temper pack "$1" -o "$OUT/$2.h5" --model "$OUT/empty" --sequence-len 256 | sed -n 1p | tee -a "$OUT/packed.txt"; }
pack "$general" general
pack "$trade" trade
pack "$OUT/private/general_test.jsonl" general-unseen
pack "$OUT/private/general_replay.jsonl" replay
pack "$OUT/private/specialist_train.jsonl" specialist
pack "$OUT/private/specialist_test.jsonl" specialist-unseen

say "3. A tiny base, pretrained on 2 ranks (every parameter sharded)"
cat >"$OUT/base.yaml" <<'YAML'
base_model: empty
datasets:
  - {path: general.h5, weight: 0.7}
  - {path: trade.h5, weight: 6}
general_datasets: [{path: general-unseen.h5}]
micro_batch_size: 4
global_batch_size: 8
num_epochs: 1
learning_rate: 5.0e-3
lr_scheduler: linear
warmup_steps: 20
weight_decay: 0.01
adam_beta2: 0.95
logging_steps: 100
output_dir: run-base
YAML
began=$SECONDS
temper train "$OUT/base.yaml" --nproc 2
base_seconds=$((SECONDS - began))
temper export "$OUT/run-base" -o "$OUT/base"

say "4. LoRA on 2 ranks, the base kept once per node; kill -9 half-way"
cat >"$OUT/lora.yaml" <<'YAML'
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
save_steps: 100
logging_steps: 100
output_dir: run-lora
YAML
last_step() {
  tail -n 40 "$OUT/run-lora/metrics.jsonl" 2>/dev/null | grep '"event":"step"' | tail -n 1 |
    sed -n 's/.*"step":\([0-9]*\).*/\1/p'
}
max_steps() { sed -n 's/.*"max_steps":\([0-9]*\).*/\1/p' "$OUT/run-lora/metrics.jsonl" | head -n 1; }
began=$SECONDS
set -m # a process group of its own, to be killed whole
temper train "$OUT/lora.yaml" --nproc 2 &
job=$!
set +m
while kill -0 "$job" 2>/dev/null; do
  step=$(last_step || true)
  if [[ -n ${step:-} && $step -ge $(($(max_steps) / 2)) ]]; then
    # Front door, mpirun and ranks alike: nobody gets to say goodbye.
    pkill -KILL -f "temper-rank train $OUT/lora.yaml" || true
    kill -KILL -- "-$job" 2>/dev/null || true
    echo "demo: killed with SIGKILL after step $(last_step)"
    killed=yes
    break
  fi
  sleep 0.1
done
wait "$job" 2>/dev/null || true
[[ ${killed:-no} == yes ]] || fail "the job ended before it could be killed half-way"
sleep 1
say "   The same command again: it goes on from the last complete checkpoint"
temper train "$OUT/lora.yaml" --nproc 2
lora_seconds=$((SECONDS - began))

say "5. Base and tuned model on $QUESTIONS unseen questions and on unseen general text"
evaluate() {
  temper eval "$@" --data "general=$OUT/general-unseen.h5" --limit "$QUESTIONS" --nproc 2 \
    --questions "$OUT/private/specialist_test.jsonl" --max-new-tokens 16
}
evaluate --model "$OUT/base" --chat-template plain -o "$OUT/answers-base.jsonl" >"$OUT/eval-base.txt"
evaluate "$OUT/run-lora" -o "$OUT/answers-tuned.jsonl" >"$OUT/eval-tuned.txt"

say "6. Export, loaded again from disk and compared with the live model"
temper export "$OUT/run-lora" -o "$OUT/adapter" | tee "$OUT/export.txt"
temper export "$OUT/run-lora" -o "$OUT/merged" --merge | tee -a "$OUT/export.txt"

# "  answered exactly    94.3 %" -> 94.3
figure() { awk -v name="$2" 'index($0, name) { for (i = 1; i <= NF; ++i) if ($i ~ /^[0-9.]+$/) v = $i } END { print v }' "$1"; }
# Entropy of single tokens of the unseen general text, in nats: what a model without context reaches.
unigram=$(temper tokenize --tokenizer "$OUT/tokenizer.json" <"$OUT/private/general_test.jsonl" |
  sed 's/.*"ids":\[\([0-9,]*\)\].*/\1/' | tr ',' '\n' |
  awk '{ ++n[$1]; ++all } END { for (t in n) h -= n[t] / all * log(n[t] / all); printf "%.3f", h }')
tokens_per_second=$(grep '"event":"step"' "$OUT/run-lora/metrics.jsonl" |
  sed 's/.*"seconds":\([0-9.e-]*\).*"tokens":\([0-9]*\).*/\1 \2/' |
  awk '{ s += $1; t += $2 } END { printf "%d", t / s }')
base_exact=$(figure "$OUT/eval-base.txt" "answered exactly")
tuned_exact=$(figure "$OUT/eval-tuned.txt" "answered exactly")
base_general=$(figure "$OUT/eval-base.txt" "general loss")
tuned_general=$(figure "$OUT/eval-tuned.txt" "general loss")
neighbour=$(sed -n 's/.*nearest-neighbour baseline answers \([0-9.]*\)%.*/\1/p' "$OUT/corpus.txt")
rise=$(awk -v a="$base_general" -v b="$tuned_general" 'BEGIN { printf "%+.1f", 100 * (b / a - 1) }')
share=$(awk -v a="$base_general" -v b="$unigram" 'BEGIN { printf "%.0f", 100 * a / b }')
rows() { sed -n "s|.*/$1.h5: \\([0-9]*\\) rows.*|\\1|p" "$OUT/packed.txt"; }
replay_share=$(awk -v r="$(rows replay)" -v s="$(rows specialist)" 'BEGIN { printf "%.1f", 100 * r / 2 / (s + r / 2) }')

say "Result"
printf '%-48s %12s %12s\n' "" base tuned
printf '%-48s %11s%% %11s%%\n' "unseen questions answered exactly" "$base_exact" "$tuned_exact"
printf '%-48s %12s %12s  (%s%%)\n' "loss on unseen general text" "$base_general" "$tuned_general" "$rise"
printf '%-48s %12s\n' "nearest-neighbour baseline" "$neighbour%"
printf '%-48s %12s  (the base is at %s%% of it)\n' "unigram entropy of the general text" "$unigram" "$share"
printf '%-48s %12s\n' "replay: general rows in the fine-tune" "$replay_share%"
printf '%-48s %12s\n' "LoRA tokens/s on 2 ranks" "$tokens_per_second"
printf '%-48s %12s\n' "seconds: pretraining / LoRA, killed and resumed" "$base_seconds / $lora_seconds"
printf '%-48s %12s\n' "seconds in all" "$((SECONDS - start))"
echo
echo "Two answers in phrasings that were never trained on:"
head -n 2 "$OUT/answers-tuned.jsonl" |
  sed 's/.*"answer":"\([^"]*\)".*"expected":"\([^"]*\)".*"content":"\([^"]*\)".*/  \3\n    tuned: \1   (expected: \2)/'
echo
echo "Where it lies: $OUT"
echo "  corpora private/ trade/   datasets *.h5   base base/   run run-lora/ (metrics.jsonl, step-*/)"
echo "  adapter/ for peft and vLLM, merged/ for transformers; each with its export_report.json"
