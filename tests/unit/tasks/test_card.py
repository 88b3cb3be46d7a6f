"""Model cards: what the hub reads of them, and Python that runs as it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from spanbert.checkpoint.hub_facts import head_of, licence_facts, licence_id, with_head
from spanbert.core.errors import InputError
from tests.labelled import PLANS, data, tune


@pytest.mark.parametrize(
    ("name", "pipeline_tag", "labels"),
    [
        ("bio", "token-classification", "- tag: `ANI`, `PER`"),
        ("nested", "token-classification", "- tag: `"),
        ("pair", "text-classification", "- classify: `"),
        ("regression", "text-classification", None),
        ("qa", "question-answering", None),
        ("coref", "token-classification", None),
        ("relation", "text-classification", "- relation: `"),
    ],
)
def test_the_card_of_every_kind(
    name: str, pipeline_tag: str, labels: str | None, hugging_face_model: Path, tmp_path: Path, monkeypatch
):
    tasks = {
        task: data(kind, writer, tmp_path / task, options, suffix=suffix)
        for task, (kind, writer, options, suffix) in PLANS[name].items()
    }
    tune(tasks, hugging_face_model, tmp_path / "model", "train.max_steps=2")
    card = (tmp_path / "model" / "README.md").read_text()
    head = yaml.safe_load(card.split("---")[1])
    assert head["pipeline_tag"] == pipeline_tag
    [result] = head["model-index"][0]["results"]
    assert result["dataset"] == {"name": next(iter(tasks.values())).dev.name, "type": "custom"}
    assert {one["type"] for one in result["metrics"]} == set(head["metrics"])
    assert "license" not in head, "none is stated"
    assert ("## Labels" in card) == (labels is not None)
    assert labels is None or labels in card
    for section in ("What it is for", "Use", "In `transformers`", "Held-out figures", "Limits", "Data", "Settings"):
        assert f"\n## {section}\n" in card
    assert ("Legal decoding" in card) == (name == "bio")
    assert ("Texts of any length" in card) == (name not in ("nested", "coref", "relation"))
    [block] = [part.split("```")[0] for part in card.split("```python\n")[1:]]
    monkeypatch.chdir(tmp_path)
    exec(block, {})


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("CC BY-SA 3.0, Wikipedia contributors", "cc-by-sa-3.0"),
        ("cc_by_4.0", "cc-by-4.0"),
        ("Apache-2.0", "apache-2.0"),
        ("The MIT License", "mit"),
        ("CC0", "cc0-1.0"),
        ("CC BY-SA 3.0 and 4.0, Chinese Wikipedia contributors", None),
        ("reviews in a package, by their critics", None),
        (None, None),
    ],
)
def test_licences_by_the_hubs_names(stated: str | None, name: str | None):
    assert licence_id(stated) == name


def test_a_licence_that_the_hub_does_not_know_keeps_its_words():
    assert licence_facts("By us; all rights.") == {"license": "other", "license_name": "by-us-all-rights."}
    assert licence_facts(None) == {}


def test_the_head_of_a_card_changes_alone():
    card = "---\nlicense: mit\ntags:\n- a\n---\n\n# Mine\n---\nmore\n"
    changed = with_head(card, {"license": "apache-2.0", "language": ["en"]}, "card")
    assert head_of(changed, "card") == {"license": "apache-2.0", "tags": ["a"], "language": ["en"]}
    assert changed.endswith("---\n\n# Mine\n---\nmore\n")
    assert with_head("# Mine\n", {"license": "mit"}, "card") == "---\nlicense: mit\n---\n# Mine\n"
    for broken, message in (("---\n- a\n---\n", "says nothing"), ("---\na: [\n---\n", "card:3: .* is not YAML")):
        with pytest.raises(InputError, match=message):
            head_of(broken, "card")
