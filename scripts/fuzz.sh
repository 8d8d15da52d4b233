#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while: scripts/fuzz.sh [SECONDS EACH, 60] [TARGET...]
# Inputs that reach new code are kept in build-fuzz/corpus; a finding stops the script and names its file.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
cmake --preset fuzz >/dev/null
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for source in tests/fuzz/*.cpp; do targets+=("$(basename "$source" .cpp)"); done
fi
cmake --build build-fuzz $(printf -- '--target fuzz_%s ' "${targets[@]}")

# The initial inputs of a target: real files of its kind from the repository.
seeds() {
  case $1 in
    json_text | plan_json) ls configs/plans/*.json configs/methods/*.json ;;
    tokenizer_json) ls models/*/tokenizer.json ;;
    chat_template | made_records | python_literal) ls tests/fuzz/seeds/"$1"-* ;;
    data_rows) ls data/samples/*/*.jsonl ;;
    audio) ls tests/golden/audio/*.wav tests/golden/audio/*.flac ;;
    picture) ls tests/golden/pictures/*.png tests/golden/pictures/*.jpg ;;
  esac 2>/dev/null || true
}
for target in "${targets[@]}"; do
  corpus=build-fuzz/corpus/$target
  mkdir -p "$corpus"
  for seed in $(seeds "$target"); do head -c 65536 "$seed" >"$corpus/seed-$(basename "$seed")"; done
  if [ "$target" = safetensors_header ] && [ ! -e "$corpus/seed" ]; then
    { printf '\073\0\0\0\0\0\0\0{"w":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}   ' && printf '\0\0\0\0'; } >"$corpus/seed"
  fi
  echo "fuzz: $target for $seconds s"
  (cd build-fuzz && "./fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
    -artifact_prefix="finding-$target-" "corpus/$target" 2>&1 | tail -n 4)
done
echo "fuzz: nothing found"
