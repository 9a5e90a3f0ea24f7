#!/usr/bin/env bash
# Gets what a build needs: Debian/Ubuntu packages, and LibTorch into .deps/libtorch.
#   ./bootstrap.sh            for the CPU build
#   ./bootstrap.sh --cuda     also NVIDIA's libraries that LibTorch's CUDA half links (1 GB more)
#   ./bootstrap.sh --slurm    also a Slurm to test with (`make test-slurm`)
#   ./bootstrap.sh --lint     also clang-format 14 and clang-tidy 14 (`make check`, `make lint`)
#   ./bootstrap.sh --parquet  also Arrow's C++ library, to read Parquet files (55 MB more)
# For a machine without a network, with the same options on both:
#   ./bootstrap.sh --download DIR   there is a network: everything goes into DIR, nothing is installed
#   ./bootstrap.sh --offline DIR    takes it from DIR; without root LibTorch alone
# Running it again does nothing and takes a moment. What it cannot do (no root, another system) it
# says, and leaves the judgement to the configure step, which names every missing library.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

packages=(cmake ninja-build g++ ccache git make pkg-config python3 python3-pip libopenmpi-dev
  openmpi-bin libhdf5-dev hdf5-tools libyaml-cpp-dev libboost-program-options-dev libgtest-dev
  libgmock-dev libbenchmark-dev libpcre2-dev nlohmann-json3-dev libspdlog-dev libfmt-dev
  libxxhash-dev libzstd-dev zlib1g-dev libutf8proc-dev procps)

# The Python wheel of PyTorch is LibTorch with its headers; no Python is needed to run temper.
torch_wheels='torch==2.11.0 --hash=sha256:7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a
nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
nvidia-cuda-cupti==13.0.85 --hash=sha256:4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8'
cuda_wheels='nvidia-cudnn-cu13==9.19.0.56 --hash=sha256:d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf
nvidia-cufile==1.15.1.6 --hash=sha256:08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44
nvidia-cusparselt-cu13==0.8.0 --hash=sha256:25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd
nvidia-nccl-cu13==2.28.9 --hash=sha256:e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42
nvidia-nvshmem-cu13==3.4.5 --hash=sha256:290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80'

# That of Apache Arrow is its C++ library with headers, too.
parquet_wheels='pyarrow==26.0.1 --hash=sha256:39cb0f2418282c24bea6ceda77b03e5a8f0a5766b63a8bf194d4e2a2c423548c'

say() { echo "bootstrap: $*" >&2; }

missing_packages() {
  local installed package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
  for package in "${packages[@]}"; do
    grep -qx "installed $package" <<<"$installed" || echo "$package"
  done
}

install_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "this is no Debian or Ubuntu; temper needs the equivalents of: ${packages[*]}"
    return
  fi
  local missing root=()
  mapfile -t missing < <(missing_packages)
  if [[ ${#missing[@]} -eq 0 ]]; then
    return
  fi
  if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null || ! sudo -v; then
      say "no root here. Ask for these packages, or load modules that have them: ${missing[*]}"
      return
    fi
    root=(sudo)
  fi
  if [[ -n $offline_from ]]; then
    install_downloaded
    return
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  if ! "${root[@]}" apt-get update -qq ||
    ! "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends "${missing[@]}" >/dev/null; then
    say "apt-get failed (its message is above); going on with what is there"
  fi
}

# With everything they depend on, as though nothing were installed here: the other machine may be bare.
download_packages() {
  if ! command -v apt-get >/dev/null; then
    say "this is no Debian or Ubuntu: its packages are not downloaded"
    return
  fi
  mkdir -p "$download_to/packages/partial"
  say "downloading packages into $download_to/packages"
  if ! apt-get install -y -qq --no-install-recommends --download-only -o Debug::NoLocking=1 \
    -o Dir::State::status=/dev/null -o APT::Sandbox::User= \
    -o Dir::Cache::archives="$download_to/packages" "${packages[@]}" >/dev/null; then
    say "apt-get could not download them (its message is above); apt-get update may help"
  fi
}

install_downloaded() {
  say "installing ${#missing[@]} packages from $offline_from: ${missing[*]}"
  if ! "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-download \
    --no-install-recommends -o Dir::Cache::archives="$offline_from/packages" "${missing[@]}" \
    >/dev/null; then
    say "they could not be installed (the message is above); going on with what is there"
  fi
}

# The user's own LibTorch is never fetched over.
has_own_torch() {
  local place prefixes=${CMAKE_PREFIX_PATH:-}
  [[ -n "${TEMPER_TORCH_DIR:-}" ]] && return 0
  for place in ${prefixes//[:;]/ }; do
    [[ -e $place/lib/libtorch_cpu.so || -e $place/torch/lib/libtorch_cpu.so ]] && return 0
  done
  return 1
}

# The python3 that has pip: the system's, else one in a virtual environment of our own.
find_pip() {
  if python3 -m pip --version >/dev/null 2>&1; then
    echo python3
  else
    python3 -m venv .deps/venv >&2 && echo .deps/venv/bin/python3
  fi
}

# pip checks every hash before a wheel is kept. The tags are fixed, so any python3 will do.
download_wheels() {
  local list=$1 folder=$2 python minor platforms=(--platform manylinux2014_x86_64)
  for minor in $(seq 17 28); do
    platforms+=(--platform "manylinux_2_${minor}_x86_64")
  done
  python=$(find_pip) || return 1
  echo "$list" >"$folder/requirements.txt"
  local index=()
  if [[ -n $offline_from ]]; then index=(--no-index --find-links "$offline_from/wheels"); fi
  "$python" -m pip download "${index[@]}" --quiet --disable-pip-version-check --require-hashes --no-deps \
    --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 --abi none \
    "${platforms[@]}" --dest "$folder" --requirement "$folder/requirements.txt"
}

unpack_wheels() {
  local wheel
  for wheel in "$1"/*.whl; do
    python3 -m zipfile -e "$wheel" "$2"
    rm "$wheel"
  done
}

# fetch_wheels LABEL LIST FOLDER STAMP ADVICE: puts the wheels of LIST into .deps/FOLDER. The stamp,
# written last, names exactly what is there; .cuda adds to what is there, others replace it.
fetch_wheels() {
  local label=$1 list=$2 folder=.deps/$3 stamp=.deps/$3/$4 advice=$5
  if [[ -n $download_to ]]; then
    mkdir -p "$download_to/wheels"
    say "downloading $label into $download_to/wheels"
    download_wheels "$list" "$download_to/wheels" || { say "could not download $label"; exit 1; }
    return
  fi
  if [[ -f $stamp && $(<"$stamp") == "$list" ]]; then
    return
  fi
  say "fetching $label into $folder"
  local work=.deps/.unpacking
  rm -rf "$work"
  mkdir -p "$work/wheels" "$work/tree"
  if ! download_wheels "$list" "$work/wheels"; then
    rm -rf "$work"
    say "could not fetch $label. Offline: $advice"
    return
  fi
  unpack_wheels "$work/wheels" "$work/tree"
  if [[ $4 == .cuda ]]; then
    cp -rl "$work/tree/." "$folder/"
  else
    rm -rf "$folder"
    mv "$work/tree" "$folder"
  fi
  echo "$list" >"$stamp.new"
  mv "$stamp.new" "$stamp"
  rm -rf "$work"
}

fetch_libtorch() {
  if has_own_torch; then
    say "using your LibTorch (TEMPER_TORCH_DIR or CMAKE_PREFIX_PATH)"
    return
  fi
  if [[ $(uname -sm) != 'Linux x86_64' ]]; then
    say "no LibTorch is pinned for $(uname -sm): set TEMPER_TORCH_DIR to yours"
    return
  fi
  local advice='put a LibTorch anywhere and set TEMPER_TORCH_DIR to it.'
  fetch_wheels 'LibTorch 2.11.0 (530 MB)' "$torch_wheels" libtorch .torch "$advice"
  if [[ $with_cuda == yes ]]; then
    fetch_wheels "NVIDIA's libraries (1 GB)" "$cuda_wheels" libtorch .cuda "$advice"
  fi
}

fetch_arrow() {
  if [[ $(uname -sm) != 'Linux x86_64' ]]; then
    say "no Arrow is pinned for $(uname -sm): put yours into CMAKE_PREFIX_PATH"
    return
  fi
  fetch_wheels 'Arrow 26.0.1 (55 MB)' "$parquet_wheels" arrow .arrow \
    'put an Arrow C++ library with Parquet into CMAKE_PREFIX_PATH.'
}

with_cuda=no
with_parquet=no
download_to=
offline_from=
usage() { sed -n '2,/^set -/s/^# \{0,1\}//p' "$0"; exit 2; }
while [[ $# -gt 0 ]]; do
  argument=$1
  shift
  case $argument in
    --download | --offline)
      [[ $# -gt 0 ]] || usage
      if [[ $argument == --download ]]; then download_to=$(realpath -m "$1"); fi
      if [[ $argument == --offline ]]; then offline_from=$(realpath -m "$1"); fi
      shift ;;
    --cuda) with_cuda=yes ;;
    --parquet) with_parquet=yes ;;
    --lint) packages+=(clang-format-14 clang-tidy-14) ;;
    --slurm) packages+=(slurm-wlm slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge) ;;
    *) usage ;;
  esac
done

if [[ -n $offline_from && ! -d $offline_from/wheels ]]; then
  say "$offline_from has no wheels/: fill it with ./bootstrap.sh --download on a machine with a network"
  exit 1
fi
if [[ -n $download_to ]]; then
  mkdir -p "$download_to"
  download_packages
else
  install_packages
fi
mkdir -p .deps
exec 9>.deps/.lock
flock 9
fetch_libtorch
if [[ $with_parquet == yes ]]; then fetch_arrow; fi
say 'ready'
