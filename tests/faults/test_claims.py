"""What a model directory claims is checked before it costs anything."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import spanbert
from spanbert.core.errors import InputError
from spanbert.pipelines.convert.models import LAYOUTS
from tests.faults.claims import ODD_VALUES, changed, copied, edit, places, sign
from tests.faults.limits import MEBIBYTE, memory_limited
from tests.labelled import tiny

ROOM = 512 * MEBIBYTE
TEXT = "The quick fox jumps over an old stone, near the river!"
BUNDLES = Path(__file__).parents[1] / "fixtures" / "bundles"


@pytest.fixture
def joint(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = tiny("joint", hugging_face_model, tmp_path_factory.getbasetemp())[0].path
    return copied(made, tmp_path / "joint")


def claims(path: Path, **stated: object) -> Path:
    """The directory with another config.json."""
    edit(path / "config.json", lambda config: config.update(stated))
    if (path / "spanbert.json").is_file():
        sign(path)
    return path


def use(path: Path) -> None:
    """Loads all of a model, answers, and sees to it that what is said can be written as JSON."""
    nlp = spanbert.load(path)
    for text in (TEXT, ""):
        if nlp.tasks:
            json.dumps(nlp(text).as_record(), allow_nan=False)
    if not nlp.tasks:
        assert nlp.fill("the [MASK] fox")


SIZES = ("num_hidden_layers", "hidden_size", "vocab_size", "intermediate_size", "max_position_embeddings",
         "type_vocab_size", "num_attention_heads")  # fmt: skip


@pytest.mark.parametrize("size", [10**9, 0, -1, 2**32 - 1, 10**30, "12", 1.5, [1], None, True])
@pytest.mark.parametrize("key", SIZES)
def test_a_size_that_is_not_that_of_the_weights_is_refused(joint: Path, key: str, size: object):
    claims(joint, **{key: size})
    with (
        memory_limited(ROOM),
        pytest.raises(InputError, match=r"config\.json|another shape|layers|number of") as caught,
    ):
        use(joint)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("to", LAYOUTS)
@pytest.mark.parametrize(
    ("key", "size"),
    [
        ("num_hidden_layers", 10**9),
        ("num_hidden_layers", 1),
        ("vocab_size", 10**9),
        ("hidden_size", 64),
        ("hidden_size", 0),
    ],
)
def test_convert_refuses_what_could_not_be_loaded(
    hugging_face_model: Path, tmp_path: Path, to: str, key: str, size: int
):
    source = claims(copied(hugging_face_model, tmp_path / "model"), **{key: size})
    with memory_limited(ROOM), pytest.raises(InputError):
        spanbert.convert(source, tmp_path / "out", to=to)
    assert not (tmp_path / "out").exists()


def test_convert_refuses_a_head_that_does_not_fit(joint: Path, tmp_path: Path):
    edit(joint / "spanbert.json", lambda manifest: manifest["tasks"]["ner"]["labels"].append("B-X"))
    for to, task in (("bundle", None), ("hugging-face", "ner"), ("hugging-face", "pos")):
        with pytest.raises(InputError, match="another shape"):
            spanbert.convert(joint, tmp_path / "out", to=to, task=task)


def test_more_labels_than_memory_are_refused(hugging_face_model: Path, tmp_path: Path):
    architectures = ["BertForSequenceClassification"]
    source = claims(copied(hugging_face_model, tmp_path / "m"), architectures=architectures, num_labels=10**9)
    with (
        memory_limited(ROOM),
        pytest.raises(InputError, match=r"config\.json: bad value for 'num_labels'; got 1000000000"),
    ):
        use(source)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("file", ["model.safetensors", "heads.safetensors"])
def test_weights_that_are_no_numbers_are_refused(joint: Path, file: str, value: float, tmp_path: Path):
    stored = load_file(joint / file)
    name = sorted(name for name in stored if "position" in name or "tasks.ner" in name)[0]
    stored[name].view(-1)[-1] = value
    save_file(stored, joint / file, {"format": "pt"})
    sign(joint)
    with pytest.raises(InputError, match="infinite or not a number"):
        use(joint)
    with pytest.raises(InputError, match="infinite or not a number"):
        spanbert.convert(joint, tmp_path / "out", to="bundle")


def test_a_bundle_whose_blanks_would_be_filled_with_nothing_is_refused(trained_bundle: Path, tmp_path: Path):
    bundle = copied(trained_bundle, tmp_path / "b")
    stored = load_file(bundle / "heads.safetensors")
    next(iter(stored.values())).view(-1)[0] = math.nan
    save_file(stored, bundle / "heads.safetensors", {"format": "pt"})
    sign(bundle)
    with pytest.raises(InputError, match="infinite or not a number"):
        spanbert.load(bundle).fill("the [MASK] fox")


def test_weights_so_large_that_hidden_states_overflow_are_told(joint: Path):
    stored = load_file(joint / "model.safetensors")
    for name, tensor in stored.items():
        stored[name] = torch.full_like(tensor, 3e38) if "LayerNorm.weight" in name else tensor
    save_file(stored, joint / "model.safetensors", {"format": "pt"})
    sign(joint)
    with pytest.raises(InputError, match="hidden states"):
        spanbert.load(joint)(TEXT)


def test_large_weights_whose_sum_overflows_are_numbers(joint: Path):
    stored = load_file(joint / "model.safetensors")
    name = next(name for name in stored if name.endswith("token_type_embeddings.weight"))
    stored[name][1] = 3e38  # the type that no single text has
    save_file(stored, joint / "model.safetensors", {"format": "pt"})
    sign(joint)
    use(joint)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("files"), "no 'files'"),
        (lambda m: m.update(files={}), "bad value for 'files'"),
        (lambda m: m.update(files=[]), "bad value for 'files'"),
        (lambda m: m["files"].pop("config.json"), "does not name; got config.json"),
        (lambda m: m["files"].pop("heads.safetensors"), "does not name; got heads.safetensors"),
        (lambda m: m["files"].update({"../other": m["files"]["config.json"]}), "stays inside"),
        (lambda m: m["files"].update({"/etc/passwd": m["files"]["config.json"]}), "stays inside"),
        (lambda m: m["files"].update({"a//b": m["files"]["config.json"]}), "stays inside"),
        (lambda m: m["files"]["config.json"].pop("sha256"), r"no 'files\.config\.json\.sha256'"),
        (lambda m: m["files"]["config.json"].update(bytes=[]), r"bad value for 'files\.config\.json\.bytes'; got \[\]"),
        (lambda m: m.update(tasks=[]), "bad value for 'tasks'"),
        (lambda m: m["tasks"].update({"../../x": m["tasks"]["ner"]}), "bad value for 'tasks"),
        (lambda m: m["tasks"]["ner"].pop("labels"), r"no 'tasks\.ner\.labels'"),
        (lambda m: m["tasks"]["ner"].update(window="wide"), r"bad value for 'tasks\.ner\.window'; got 'wide'"),
        (lambda m: m["tasks"]["ner"].update(window=[1, 0]), r"tasks\.ner\.window"),
        (lambda m: m["tasks"]["kind"].update(threshold=None), r"tasks\.kind\.threshold"),
        (lambda m: m["tasks"]["kind"]["options"].update(mode=3), r"bad value for 'tasks\.kind\.options\.mode'"),
        (lambda m: m.update(training=3), "bad value for 'training'"),
    ],
)
def test_a_manifest_is_read_through_its_schema(joint: Path, change: Any, message: str):
    edit(joint / "spanbert.json", change)
    with pytest.raises(InputError, match=message) as caught:
        use(joint)
    assert str(caught.value).startswith(f"{joint / 'spanbert.json'}: ")
    assert "\n" not in str(caught.value)


def test_an_index_of_weights_names_files_beside_it(hugging_face_model: Path, tmp_path: Path):
    model = copied(hugging_face_model, tmp_path / "m")
    (model / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    index = {"weight_map": {"bert.embeddings.word_embeddings.weight": "../elsewhere.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match="stays inside"):
        use(model)


@pytest.mark.parametrize("file", ["config.json", "spanbert.json"])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_stands_at_any_place_is_an_answer_or_one_line(
    joint: Path, tmp_path: Path, file: str, data: st.DataObject
):
    source = joint if data.draw(st.booleans()) else BUNDLES / data.draw(st.sampled_from(["joint", "pretrained"]))
    bundle = copied(source, tmp_path / "changed")
    content = json.loads((bundle / file).read_text())
    place = data.draw(st.sampled_from(list(places(content))))
    odd = data.draw(st.sampled_from(ODD_VALUES))
    (bundle / file).write_text(json.dumps(changed(content, place, odd)))
    if file == "config.json":
        sign(bundle)
    with memory_limited(ROOM):
        try:
            use(bundle)
            spanbert.info(bundle)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017 (both outcomes are right)
