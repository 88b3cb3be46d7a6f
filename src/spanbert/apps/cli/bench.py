"""`spanbert bench`: speed side by side with a peer, and memory, on this machine.

The benchmarks and the peers' code are not part of the package; they lie in `benchmarks/bench` of the source tree.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from spanbert.apps.cli.options import (
    DeviceOption,
    JsonOption,
    OverwriteOption,
    ThreadsOption,
    announced_device,
    examples,
    lines_of,
    print_json,
    say,
)
from spanbert.apps.console import make_reporter
from spanbert.core.device import AUTO, device_name
from spanbert.core.errors import InputError, nearest
from spanbert.core.files import write_atomically, write_json
from spanbert.core.missing import how_to_get
from spanbert.core.outputs import check_output_file
from spanbert.core.reporter import Reporter

EXAMPLES = examples(
    ("Our training step against transformers' masked language model", "spanbert bench pretrain --json"),
    ("The same in a few minutes, on your text", "spanbert bench pretrain --quick --data texts/"),
    ("Fine-tuning and prediction against transformers", "spanbert bench finetune --data DATA_SETS/ --json"),
    ("Training on a GPU against transformers on it", "spanbert bench pretrain --device cuda --json"),
    ("Prediction and its exports against transformers and OpenVINO", "spanbert bench inference --work bench/ --json"),
    ("Transformer, span-wise Transformer, RNN or CNN?", "spanbert bench encoders --picture encoders.png"),
)
NAMES = ("pretrain", "finetune", "inference", "masking", "prepare", "attention", "encoders")
_ROOT = Path(__file__).resolve().parents[4]  # of the source tree, which holds src/ and benchmarks/


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"Which: {', '.join(NAMES)}.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Text: a file or folder; finetune, inference: the folder of data sets.  "
            "[default: enwiki_core, or packaged text; finetune, inference: SPANBERT_DATA]"
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer rounds, less data.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the result to this file.", show_default=False)] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the result, as PNG (encoders).", show_default=False)
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            help="inference: where models that are missing are fine-tuned, and exports kept for the next time.",
            show_default=False,
        ),
    ] = None,
    bundle: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SET=BUNDLE",
            help="inference: a model of wnut17, sst2, squadshifts or ontogum; together=, one of several tasks or "
            "an export of it; may be repeated.",
            show_default=False,
        ),
    ] = None,
    threads: ThreadsOption = None,
    device: DeviceOption = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measures on this machine: contenders in turn, on the same work; ratios with their spread.

    `pretrain`: our training step against transformers'. `finetune`: scores, training time and speed of prediction
    against a plain transformers loop on SST-2, WNUT-17 and SQuADShifts (--quick: under 10 minutes). `inference`:
    float32, bfloat16 and int8 in each runtime against transformers' pipeline and OpenVINO, and what int8 costs in
    score; of the models of --bundle, or of all four data sets with --work. `masking`: pieces a second. `prepare`:
    against tokenizers.encode_batch alone, and memory. `attention`: full against span-wise. `encoders`: held-out loss
    after equal time, time and memory by length.

    It needs a clone of the repository, with spanbert installed from it. Run it alone: other work on the machine
    distorts it.
    """
    if name not in NAMES:
        raise InputError(f"no benchmark {name!r}; {nearest(name, NAMES)}")
    module = _benchmark(name)
    if picture is not None and not hasattr(module, "picture"):
        raise InputError("this benchmark has no picture", where="--picture", got=name, expected="encoders")
    if picture is not None and find_spec("matplotlib") is None:
        raise InputError("pictures need matplotlib", where="--picture", remedy=how_to_get("matplotlib"))
    for file, option, other in ((out, "--out", None), (picture, "--picture", out)):  # before minutes of work
        if file is not None:
            check_output_file(file, inputs=[data, other], overwrite=overwrite, option=option)
    with make_reporter() as reporter:
        where = _device(module, name, device, reporter)
        more = _own_options(module, name, {"work": work, "bundles": _by_set(bundle or []), "threads": threads})
        result = module.run(data, quick=quick, reporter=reporter, **where, **more)
    if out is not None:
        write_json(out, result)
    if picture is not None:
        write_atomically(picture, module.picture(result))
    if as_json:
        print_json(result)
    else:
        for line in lines_of(result):
            say(line)


def _device(module: ModuleType, name: str, device: str | None, reporter: Reporter) -> dict[str, str]:
    """The argument of a benchmark for a device; none of those that measure the CPU alone.

    Raises:
        InputError: Such a one with another device, or a device that there is not.
    """
    if "device" in signature(module.run).parameters:
        return {"device": "cpu" if device is None else announced_device(device, reporter.say)}
    if device is not None and device_name(device, "--device") not in (AUTO, "cpu"):
        raise InputError("this benchmark measures the CPU alone", where="--device", got=name, expected="pretrain")
    return {}


def _own_options(module: ModuleType, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a benchmark that not all have, as far as they are given.

    Raises:
        InputError: One that this benchmark does not have.
    """
    found = {option: value for option, value in given.items() if value}
    for option in found:
        if option not in signature(module.run).parameters:
            where = "--bundle" if option == "bundles" else f"--{option}"
            raise InputError("this benchmark has no such option", where=where, got=name, expected="inference")
    return found


def _by_set(stated: Sequence[str]) -> dict[str, Path]:
    """`SET=BUNDLE`.

    Raises:
        InputError: Not of this form, or a set twice.
    """
    found: dict[str, Path] = {}
    for given in stated:
        name, _, place = given.partition("=")
        if not (name and place) or name in found:
            raise InputError(
                "a model of which data set?", where="--bundle", got=given, expected="SET=BUNDLE, each set once"
            )
        found[name] = Path(place)
    return found


def _benchmark(name: str) -> ModuleType:
    """Imports a benchmark by a name under which the processes that it starts find it too.

    Raises:
        InputError: The package does not run from a source tree.
    """
    folder = _ROOT / "benchmarks" / "bench"
    if not (folder / "__init__.py").is_file():
        raise InputError(
            "no benchmarks here, since they are not part of the installed package",
            where=str(folder),
            remedy="Clone the repository and, in the clone, run pip install -e '.[hf]'",
        )
    sys.path.insert(0, str(_ROOT))
    return import_module(f"benchmarks.bench.{name}")
