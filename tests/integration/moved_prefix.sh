#!/usr/bin/env bash
# moved_prefix.sh BUILD: installs the build into a prefix, moves it, and trains on two ranks from where
# it then lies. Where there are environment modules, `temper` is found through its modulefile.
set -euo pipefail
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/installed" >/dev/null
mkdir "$work/elsewhere"
prefix=$work/elsewhere/temper
mv "$work/installed" "$prefix"
cd "$work"

fail() { echo "$*" >&2; exit 1; }

# Not those of the build, which the programs would find as well.
strays=$(ldd "$prefix/bin/temper-rank" | grep -E 'libtorch|libc10|libgomp|not found' | grep -v "=> $prefix/" || true)
[[ -z $strays ]] || fail "libraries from outside of the prefix: $strays"
"$prefix/bin/temper" --version

modules=/usr/share/modules/init/bash
if [[ -e $modules ]]; then
  found=$(bash -c "source $modules; module use '$prefix/share/modulefiles'; module load temper; type -P temper")
  [[ $found == "$prefix/bin/temper" ]] || fail "module load temper gives \"$found\""
fi

export PATH=$prefix/bin:$PATH
cat >config.json <<'JSON'
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512, "hidden_size": 32,
 "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
 "initializer_range": 0.02, "tie_word_embeddings": false, "bos_token_id": 0, "eos_token_id": 1}
JSON
cat >run.yaml <<'YAML'
{base_model: model, datasets: [{path: train.h5}], output_dir: out, global_batch_size: 4, max_steps: 2,
 learning_rate: 1.0e-3, device: cpu}
YAML
temper synth -o corpus --seed 1 >/dev/null
temper new-tokenizer corpus/specialist_train.jsonl --vocab-size 512 -o tokenizer.json
temper new-model --config config.json --tokenizer tokenizer.json -o model
temper pack corpus/specialist_train.jsonl -o train.h5 --model model --sequence-len 64 >/dev/null
temper train run.yaml --nproc 2
temper status out | grep -q finished || fail "the run has not finished"
