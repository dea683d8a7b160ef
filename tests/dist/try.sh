#!/usr/bin/env bash
# Tries a wheel and a source distribution in an environment that has nothing else: try.sh FOLDER
# Both must be below 20 MB, install, score two reports, and evaluate the checkpoint that they carry.
set -euo pipefail
folder=$(cd "${1:?the folder with the distributions}" && pwd)
most=$((20 * 1000 * 1000))
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"   # so that nothing is imported from a checkout
unset PYTHONPATH

wheels=("$folder"/rrgbench-*.whl)
sources=("$folder"/rrgbench-*.tar.gz)
for file in "${wheels[0]}" "${sources[0]}"; do
    size=$(wc -c < "$file")
    echo "$(basename "$file"): $size bytes"
    [ "$size" -lt "$most" ] || { echo "larger than $most bytes"; exit 1; }
done

"${PYTHON:-python3}" -m venv bare
printf '{"study_id": "a", "report": "no effusion ."}\n{"study_id": "b", "report": "large effusion ."}\n' > reports.jsonl
printf 'replicates: 20\ntrivial: [fixed-template]\ntasks: {report_generation: {limit: 8}, clinical_efficacy: {limit: 8}}\n' > few.yaml

try() {
    bare/bin/rrgbench --version
    bare/bin/rrgbench list models | grep -q dcrrg
    bare/bin/rrgbench score --predictions reports.jsonl --references reports.jsonl --json > scores.json
    bare/bin/python - <<'PY'
import json
from importlib.resources import files

import rrgbench

assert "site-packages" in rrgbench.__file__, rrgbench.__file__
values = {one["metric"]: one["value"] for one in json.load(open("scores.json"))["values"] if one["observation"] is None}
assert values["bleu_1"] > 0.99, values
assert files("rrgbench").joinpath("py.typed").is_file()
assert files("dcrrg").joinpath("checkpoints/6d/model.safetensors").is_file()
PY
    rm -rf run
    bare/bin/rrgbench eval --model dcrrg --suite few.yaml --out run > /dev/null
    test -s run/report.html
}

echo "the wheel"
bare/bin/python -m pip install --quiet "${wheels[0]}"
try
bare/bin/python -m pip check
echo "the source distribution"
bare/bin/python -m pip uninstall --quiet --yes rrgbench
bare/bin/python -m pip install --quiet --no-deps "${sources[0]}"
try
echo "both install and run"
