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
assert resources.files('spanbert.apps.reports').joinpath('templates', 'style.css').is_file()
assert resources.files('spanbert.apps.quickstart').joinpath('notes.jsonl').is_file()
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

# Without torch: an exported model in an environment that has spanbert-runtime alone.
"$root/.venv/bin/python" -m build --wheel --no-isolation --outdir "$work/runtime" "$root/wheels/runtime" \
    >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$root/.venv/bin/python" -m spanbert export "$root/tests/fixtures/bundles/joint" --out "$work/exported" >"$work/export.txt"
"${PYTHON:-python3}" -m venv "$work/light"
"$work/light/bin/pip" install --quiet --disable-pip-version-check -c "$root/constraints.txt" "$work"/runtime/*.whl
printf 'the old fox sees a dog .\n' | "$work/light/bin/spanbert" predict "$work/exported" >"$work/found.jsonl"
"$work/light/bin/python" -c "
import importlib.util, json, pathlib, sys, time
start = time.perf_counter()
import spanbert
nlp = spanbert.load(sys.argv[1])
seconds = time.perf_counter() - start
[line] = pathlib.Path(sys.argv[2]).read_text().splitlines()
assert json.loads(line)['tasks'].keys() == nlp('the old fox sees a dog .').as_record()['tasks'].keys()
assert not [name for name in ('torch', 'pyarrow', 'scipy', 'sklearn') if importlib.util.find_spec(name)]
print(f'wheel: spanbert-runtime answers without torch; import and load took {seconds:.2f} s')
" "$work/exported" "$work/found.jsonl"

# A service without torch: refused in one line until the extra is there.
code=0
"$work/light/bin/spanbert" serve "$work/exported" --port 0 2>"$work/serve.txt" || code=$?
if [ "$code" -ne 2 ] || ! grep -q "pip install 'spanbert-runtime\[serve\] @ " "$work/serve.txt"; then
    cat "$work/serve.txt"
    exit 1
fi
for wheel in "$work"/runtime/*.whl; do
    "$work/light/bin/pip" install --quiet --disable-pip-version-check -c "$root/constraints.txt" "${wheel}[serve]"
done
"$work/light/bin/spanbert" serve --help >"$work/help.txt"
"$work/light/bin/python" -c "
import importlib.util, spanbert.apps.serve.supervisor
assert not [name for name in ('torch', 'pyarrow', 'scipy', 'sklearn') if importlib.util.find_spec(name)]
print('wheel: spanbert-runtime[serve] serves without torch')"
