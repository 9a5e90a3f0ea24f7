# Which room may use which: the house's plan, checked by the `layering` test. No arrow goes back. A room is
# a folder with a library of its own; what lies deeper belongs to the nearest one above it.

set(TEMPER_ROOMS common common/cli config config/migrate config/reference io io/input io/safetensors
  text/unicode text/jinja/runtime text/jinja/syntax text/jinja
  text/chat text/tokenizer/pre text/tokenizer/model text/tokenizer/files text/tokenizer arch/layout arch
  data/corpus data/synthetic data/dataset data/hygiene data/order data/packing run/checkpoint run comm comm/local
  comm/nccl comm/watch comm/mpi kernels stage model sharding checkpoint export eval/scoring eval trainer/startup
  trainer trainer/commands launcher/ranks launcher/inspect launcher/plan launcher/report launcher
  launcher/start launcher/slurm launcher/commands slurm)

set(TEMPER_MAY_USE_common "")
set(TEMPER_MAY_USE_common/cli common)
set(TEMPER_MAY_USE_config common)
set(TEMPER_MAY_USE_config/migrate config common)
set(TEMPER_MAY_USE_config/reference config io common)
set(TEMPER_MAY_USE_io common)
set(TEMPER_MAY_USE_io/input io common)
set(TEMPER_MAY_USE_io/safetensors io common)
set(TEMPER_MAY_USE_text/unicode "")
set(TEMPER_MAY_USE_text/jinja/runtime text/unicode io common)
set(TEMPER_MAY_USE_text/jinja/syntax text/jinja/runtime text/unicode)
set(TEMPER_MAY_USE_text/jinja text/jinja/syntax text/jinja/runtime text/unicode common)
set(TEMPER_MAY_USE_text/chat text/jinja text/jinja/runtime text/unicode io common)
set(TEMPER_MAY_USE_text/tokenizer/pre text/unicode io common)
set(TEMPER_MAY_USE_text/tokenizer/model text/tokenizer/pre text/unicode io common)
set(TEMPER_MAY_USE_text/tokenizer/files text/tokenizer/model text/tokenizer/pre text/unicode io common)
set(TEMPER_MAY_USE_text/tokenizer text/tokenizer/files text/tokenizer/model text/tokenizer/pre
  text/unicode io common)
set(TEMPER_MAY_USE_arch/layout common)
set(TEMPER_MAY_USE_arch arch/layout io config common)
set(TEMPER_MAY_USE_data/corpus text/chat text/unicode io/input io common)
set(TEMPER_MAY_USE_data/synthetic data/corpus io common)
set(TEMPER_MAY_USE_data/dataset text/tokenizer text/jinja/runtime text/unicode io common)
set(TEMPER_MAY_USE_data/hygiene data/dataset data/corpus text/tokenizer/pre text/unicode io/input io common)
set(TEMPER_MAY_USE_data/order data/dataset arch/layout common)
set(TEMPER_MAY_USE_data/packing data/hygiene data/dataset data/corpus text/tokenizer text/chat io common)
set(TEMPER_MAY_USE_run/checkpoint io common)
set(TEMPER_MAY_USE_run run/checkpoint io/input io config common)
set(TEMPER_MAY_USE_comm common)
set(TEMPER_MAY_USE_comm/local comm common)
set(TEMPER_MAY_USE_comm/nccl comm common)
set(TEMPER_MAY_USE_comm/watch comm common)
set(TEMPER_MAY_USE_comm/mpi comm/watch comm/local comm arch/layout common)
set(TEMPER_MAY_USE_kernels arch/layout common)
set(TEMPER_MAY_USE_stage arch/layout)
set(TEMPER_MAY_USE_model stage kernels arch arch/layout io/safetensors io common)
set(TEMPER_MAY_USE_sharding stage kernels comm/watch comm arch/layout common)
set(TEMPER_MAY_USE_checkpoint run/checkpoint sharding model stage comm/watch comm run arch arch/layout io/safetensors io config common)
set(TEMPER_MAY_USE_export model stage arch arch/layout text/tokenizer text/tokenizer/files text/chat
  io/safetensors io common)
set(TEMPER_MAY_USE_eval/scoring model data/order text/unicode common)
set(TEMPER_MAY_USE_eval eval/scoring run/checkpoint checkpoint model stage comm run data/packing data/order data/dataset
  data/synthetic data/corpus arch text/tokenizer text/chat text/jinja/runtime text/unicode io/input io
  config common/cli common)
set(TEMPER_MAY_USE_trainer/startup run/checkpoint eval checkpoint sharding model stage comm/nccl comm run data/order
  data/dataset arch text/tokenizer text/chat io config common)
set(TEMPER_MAY_USE_trainer run/checkpoint trainer/startup eval checkpoint sharding model comm/watch comm/nccl comm run
  data/dataset io config common/cli common)
set(TEMPER_MAY_USE_trainer/commands trainer trainer/startup eval export checkpoint model comm/mpi
  comm/watch comm/local comm run data/order arch text/tokenizer text/tokenizer/files io/safetensors io
  config common/cli common)
set(TEMPER_MAY_USE_launcher/ranks run io config common)
set(TEMPER_MAY_USE_launcher/inspect run/checkpoint run data/order data/dataset arch text/tokenizer text/tokenizer/files
  text/chat io/input io/safetensors io config common)
set(TEMPER_MAY_USE_launcher/plan launcher/ranks run data/order data/dataset arch io config common)
set(TEMPER_MAY_USE_launcher/report run/checkpoint launcher/inspect run data/dataset text/unicode io/input io config common)
set(TEMPER_MAY_USE_launcher launcher/report launcher/ranks data/packing data/hygiene io common/cli
  common)
set(TEMPER_MAY_USE_launcher/start launcher/ranks run arch text/tokenizer config common/cli launcher/plan
  common)
set(TEMPER_MAY_USE_launcher/slurm launcher/start launcher launcher/ranks run io config common/cli common)
set(TEMPER_MAY_USE_launcher/commands launcher/slurm launcher/start launcher launcher/report
  launcher/plan launcher/inspect launcher/ranks run data/packing data/hygiene data/dataset
  data/synthetic data/corpus arch text/tokenizer text/tokenizer/model text/chat text/unicode
  io/safetensors io config/migrate config/reference config common/cli common)
set(TEMPER_MAY_USE_slurm "")

# Third-party headers and their homes: a pattern over the included path, then the folders, each with the
# rooms in it. Everything else goes through the home's own headers. fmt is used everywhere.
set(TEMPER_THIRD_PARTY hdf5 arrow json yaml_cpp program_options mpi xxhash spdlog zstd zlib pcre2 utf8proc
  cuda torch gtest)
set(TEMPER_HEADERS_hdf5 "^(hdf5|H5[A-Za-z]*)([./]|$)")
set(TEMPER_HOME_hdf5 io)
set(TEMPER_HEADERS_arrow "^(arrow|parquet)/")
set(TEMPER_HOME_arrow io)
set(TEMPER_HEADERS_json "^(nlohmann/|simdjson)")
set(TEMPER_HOME_json io)
set(TEMPER_HEADERS_yaml_cpp "^yaml-cpp/")
set(TEMPER_HOME_yaml_cpp config)
set(TEMPER_HEADERS_program_options "^boost/program_options")
set(TEMPER_HOME_program_options common/cli)
set(TEMPER_HEADERS_mpi "^mpi\\.h$")
set(TEMPER_HOME_mpi comm/mpi)
set(TEMPER_HEADERS_xxhash "^xxh")
set(TEMPER_HOME_xxhash common)
set(TEMPER_HEADERS_spdlog "^spdlog/")
set(TEMPER_HOME_spdlog common)
set(TEMPER_HEADERS_zstd "^(zstd|zdict)")
set(TEMPER_HOME_zstd io)
set(TEMPER_HEADERS_zlib "^zlib\\.h$")
set(TEMPER_HOME_zlib io)
set(TEMPER_HEADERS_pcre2 "^pcre2")
set(TEMPER_HOME_pcre2 text/tokenizer)
set(TEMPER_HEADERS_utf8proc "^(utf8proc|unicode/)")
set(TEMPER_HOME_utf8proc text)
set(TEMPER_HEADERS_cuda "^(cuda|nccl|cublas|nvtx|cub/|ATen/cuda/|ATen/native/cuda/|c10/cuda/)")
set(TEMPER_HOME_cuda comm/nccl kernels)
set(TEMPER_HEADERS_torch "^(torch|ATen|c10)/")
set(TEMPER_HOME_torch comm kernels stage model sharding checkpoint export eval trainer)
set(TEMPER_HEADERS_gtest "^(gtest|gmock|benchmark)/")
set(TEMPER_HOME_gtest "")
