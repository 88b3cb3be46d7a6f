"""Makes a bundle of the weights that came back in parts.

python benchmarks/gpu/join.py RESULTS BUNDLE [--inputs build/gpu]

RESULTS holds small.json and weights-*.part; the tokenizer is that of the inputs.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # a script itself finds only what lies beside it

import torch
from safetensors.torch import load

from benchmarks.gpu.inputs import TOKENIZER
from spanbert.checkpoint.bundle import write_bundle
from spanbert.checkpoint.tensors import write_tensors
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.files import read_json
from spanbert.tokens.tokenizer import load_tokenizer


def join(results: Path, bundle: Path, tokenizer: Path) -> None:
    """Checks the parts and writes the bundle; its weights are float32 again.

    Args:
        results: Folder of `small.json` and the parts.
        bundle: What is made.
        tokenizer: Folder of the model's tokenizer.

    Raises:
        InputError: There are no weights, or a part is missing or not what was written.
    """
    facts = read_json(results / "small.json").get("weights")
    if facts is None:
        raise InputError("no weights came back: the training did not end", where=str(results / "small.json"))
    whole = b"".join(_part(results / one["file"], one["sha256"]) for one in facts["parts"])
    if hashlib.sha256(whole).hexdigest() != facts["sha256"]:
        raise InputError("the parts together are not what was written", where=str(results))
    tensors = {name: value.to(torch.float32) if value.is_floating_point() else value
               for name, value in load(whole).items()}  # fmt: skip
    of_file = {
        file: {name.partition("/")[2]: value for name, value in tensors.items() if name.startswith(f"{file}/")}
        for file in ("model", "heads")
    }

    def write_files(folder: Path) -> None:
        for file, some in of_file.items():
            if some:
                write_tensors(folder / f"{file}.safetensors", some)
        load_tokenizer(tokenizer).save(folder)
        (folder / "README.md").write_text(facts["card"], encoding="utf-8")

    write_bundle(bundle, config=facts["config"], manifest=facts["manifest"], write_files=write_files)


def _part(file: Path, checksum: str) -> bytes:
    if not file.is_file():
        raise InputError("a part of the weights is missing", where=str(file))
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != checksum:
        raise InputError("not the part that was written", where=str(file), remedy="Copy it again")
    return content


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, metavar="RESULTS")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("--inputs", type=Path, default=ROOT / "build" / "gpu")
    asked = parser.parse_args()
    try:
        join(asked.results, asked.bundle, asked.inputs / TOKENIZER)
    except SpanbertError as error:
        sys.exit(str(error))
    print(f"{asked.bundle}: try spanbert fill {asked.bundle} 'Paris is the [MASK] of France.'")


if __name__ == "__main__":
    main()
