#!/usr/bin/env bash
# tidy_changed.sh: clang-tidy on the sources whose content changed since the commit in .ci/base, committed
# or not; at most 20, those with the most changed lines, and the number of the others is said. A file
# that was only renamed, or that includes others which were, has not changed. A header counts through one
# source that includes it.
# The compile commands are those of build/lint.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

most=20
database=build/lint/compile_commands.json

# The commit to compare with; the empty tree where there is no other, so that everything has changed.
base_commit() {
  local named
  named=$(grep -v '^#' .ci/base)
  if git merge-base "$named" HEAD 2>/dev/null; then return; fi
  echo "tidy: this clone has no commit $named, which .ci/base names; it may be shallow." \
    "Compared with the commit before this one, or with nothing, instead." >&2
  git rev-parse --verify --quiet HEAD~1 || git hash-object -t tree /dev/null
}

# "LINES PATH" of each changed file, those with most changed lines first.
changed_files() {
  local added deleted path
  git diff --numstat -M -I'^#include ' -z --diff-filter=AMR "$1" -- '*.cpp' '*.h' |
    while IFS=$'\t' read -r -d '' added deleted path; do
      if [[ -z $path ]]; then  # a rename: the old and the new path follow
        IFS= read -r -d '' path
        IFS= read -r -d '' path
      fi
      if ((added + deleted > 0)); then echo "$((added + deleted)) $path"; fi
    done | sort -k1,1nr -k2
}

is_compiled() {
  grep -qF "\"file\": \"$PWD/$1\"" "$database"
}

# The source through which a file is checked: itself, or the header's own source, its test, or any other.
compiled_source() {
  local candidate
  for candidate in "$1" "${1%.h}.cpp" "tests/unit/${1%.h}_test.cpp" \
    $(git grep -l -F "#include \"$1\"" -- '*.cpp' || true); do
    if is_compiled "$candidate"; then
      echo "$candidate"
      return
    fi
  done
}

tidy() {
  local text failed=0
  text=$(clang-tidy-14 -quiet -p build/lint "$1" 2>&1) || failed=1
  grep -v '^[0-9]* warnings\{0,1\} generated\.$' <<<"$text" | sed '/^$/d' || true
  if ((failed)); then echo "tidy: $1: clang-tidy has findings"; else echo "tidy: $1: clean"; fi
  return "$failed"
}
export -f tidy

base=$(base_commit)
echo "tidy: what changed since $base"
declare -A seen
sources=()
while read -r _ path; do
  source=$(compiled_source "$path")
  if [[ -z $source ]]; then
    echo "tidy: $path is left out: no source of this build includes it"
  elif [[ -z ${seen[$source]:-} ]]; then
    seen[$source]=yes
    sources+=("$source")
  fi
done < <(changed_files "$base")

if ((${#sources[@]} == 0)); then
  echo "tidy: no source has changed"
  exit
fi
if ((${#sources[@]} > most)); then
  echo "tidy: ${#sources[@]} sources have changed: the $most with the most changed lines are checked," \
    "$((${#sources[@]} - most)) are left out"
fi
printf '%s\n' "${sources[@]:0:most}" | xargs -P "${JOBS:-$(nproc)}" -I{} bash -c 'tidy "$1"' _ {}
