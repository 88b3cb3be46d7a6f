#!/bin/sh
# Builds the wheel, installs it into an empty environment, and runs the command line there, away from the sources.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$root/.venv/bin/python" -m build --wheel --no-isolation --outdir "$work/dist" "$root" >"$work/build.log" 2>&1 ||
    { cat "$work/build.log"; exit 1; }
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -c "$root/constraints.txt" "$work"/dist/*.whl
cd "$work"
"$work/venv/bin/spanbert" --help >"$work/help.txt"
grep -q quickstart "$work/help.txt"
"$work/venv/bin/python" -c "
import importlib.resources as resources, importlib.util, spanbert
assert resources.files('spanbert').joinpath('py.typed').is_file()
assert resources.files('spanbert.apps.reports').joinpath('templates', 'quickstart.html.j2').is_file()
assert resources.files('spanbert.core.html').joinpath('drawing.js').is_file()
assert resources.files('spanbert.apps.serve').joinpath('static', 'index.html').is_file()
assert importlib.util.find_spec('benchmarks') is None
print('wheel: spanbert', spanbert.__version__, 'runs in an empty environment')"
code=0
"$work/venv/bin/spanbert" bench masking 2>"$work/bench.txt" || code=$?
if [ "$code" -ne 2 ] || ! grep -q "not part of the installed package. Clone the repository" "$work/bench.txt"; then
    cat "$work/bench.txt"
    exit 1
fi
