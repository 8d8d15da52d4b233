#!/usr/bin/env bash
# Makes a carried base model from nothing but its plan: scripts/make_model.sh micro-text|micro-text-ab|micro-text-cold|micro-text-8
# [FOLDER]. Trains in FOLDER (default: made-NAME), goes on where it was stopped, then writes weights and the measured part
# of the card to models/NAME. micro-text and micro-text-cold take an hour of one core with AVX-512's bfloat16 and nearly two
# without, micro-text-8 twice that, micro-text-ab a third of it.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?the model: micro-text, micro-text-ab, micro-text-cold or micro-text-8}
folder=${2:-made-$name}
plan=pretrain-${name#micro-}
[ "$name" != micro-text-ab ] || plan=continue-text-ab  # from micro-text, so that the two differ in what came after alone
program=${TOUCHSTONE:-build/touchstone}
mkdir -p "$folder"

start=()
if [ "$name" = micro-text-8 ]; then  # another shape: random weights to start from, micro-text's tokenizer
  [ -d "$folder/micro-text-8" ] ||
    "$program" init configs/models/micro-text-8.json --tokenizer micro-text --seed 1 --out "$folder/micro-text-8"
  start=(--model "$folder/micro-text-8")
fi
"$program" run "$plan" "${start[@]}" --db "$folder/made.sqlite" --work "$folder/work" --quiet
# The folder of a cell is named by the beginning of its key.
cell=$(python3 - "$folder/made.sqlite" <<'END'
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
print(db.execute("SELECT substr(cell.key, 1, 16) FROM cell JOIN run_cell ON cell = cell.id WHERE state = 'done' "
                 "ORDER BY run_cell.run DESC LIMIT 1").fetchone()[0])
END
)
made=$folder/work/$cell/model
mkdir -p "models/$name"
cp "$made"/* "models/$name/"
python3 scripts/make_model_card.py "$folder/made.sqlite" "models/$name/README.md"
