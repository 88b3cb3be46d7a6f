"""To the hub and back: what is uploaded, what is refused, and that a model is used by its id without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

import spanbert
from spanbert.checkpoint import tensors
from spanbert.core.distribution import install_command
from tests.hub import READER, Hub, Repository, local_hub
from tests.labelled import conll_file, data, tune

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with local_hub() as found:
        yield found


@pytest.fixture(scope="module")
def bundle(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pushed")
    tasks = {"ner": data("tag", conll_file, folder, suffix=".conll")}
    settings = ("train.max_steps=30", "languages=[en]", "licence='CC BY 4.0, by us'")
    return tune(tasks, hugging_face_model, folder / "model", *settings).path


def command(
    environment: dict[str, str], *arguments: object, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own: where the hub is, is read once a process."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    found = subprocess.run(
        [sys.executable, "-m", "spanbert", *map(str, arguments)],
        env={**inherited, **environment}, cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in found.stderr, found.stderr
    return found


def head(card: str) -> dict:
    return yaml.safe_load(card.split("---")[1])


def test_a_bundle_goes_to_the_hub_and_is_used_by_its_id(hub: Hub, bundle: Path, tmp_path: Path):
    texts = tmp_path / "texts.txt"
    texts.write_text("the old king runs near a red fox\n")
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    pushed = command(
        hub.environment(tmp_path / "home"), "push", bundle, "jane/ner", "--dataset", "jane/people", "--json"
    )
    assert pushed.returncode == 0, pushed.stderr
    told = json.loads(pushed.stdout)
    repository = hub.repositories["jane/ner"]
    assert told["url"] == f"{hub.address}/jane/ner/commit/{repository.commits[-1][0]}"
    assert len(repository.commits) == 2, "one commit after the hub's own"
    assert repository.messages[-1].startswith("Upload model with spanbert")
    assert set(repository.files) == {*before, ".gitattributes"}
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before, "the bundle stays as it is"
    assert all(repository.files[name] == before[name] for name in before if name != "README.md")
    assert told["files"] == {name: len(repository.files[name]) for name in before}
    assert any(one.startswith("PUT /large/") for one in hub.requests), "weights go by LFS"

    card = repository.files["README.md"].decode()
    found = head(card)
    assert {key: found[key] for key in ("license", "language", "pipeline_tag", "library_name", "datasets")} == {
        "license": "cc-by-4.0", "language": ["en"], "pipeline_tag": "token-classification", "library_name": "spanbert",
        "datasets": ["jane/people"],
    }  # fmt: skip
    assert 'spanbert.load("jane/ner")' in card
    assert "spanbert predict jane/ner texts.txt" in card
    assert f"```sh\n{install_command('spanbert')}\n```" in card

    home = tmp_path / "other"
    online = command(hub.environment(home, token=None), "predict", "jane/ner", texts)
    assert online.returncode == 0, online.stderr
    asked = len(hub.requests)
    offline = command({**hub.environment(home, token=None), "HF_HUB_OFFLINE": "1"}, "predict", "jane/ner", texts)
    assert (offline.stdout, len(hub.requests)) == (online.stdout, asked)
    local = command({"HF_HUB_OFFLINE": "1"}, "predict", bundle, texts)
    assert local.stdout == online.stdout
    info = json.loads(command({**hub.environment(home), "HF_HUB_OFFLINE": "1"}, "info", "jane/ner", "--json").stdout)
    assert info["tasks"]["ner"]["kind"] == "tag"


@pytest.mark.parametrize("weights", ["both", "bin", "shards"])
def test_pickled_weights_are_fetched_where_there_are_no_others(
    hub: Hub, hugging_face_model: Path, corpus_file: Path, tmp_path: Path, weights: str
):
    """A repository that holds its weights twice is fetched once; its tokenizer is known to have a model beside it."""
    copy = shutil.copytree(hugging_face_model, tmp_path / "model")
    names = ["pytorch_model-1-of-1.bin" if weights == "shards" else "pytorch_model.bin"]
    state = tensors.read_tensors(copy / "model.safetensors")
    tensors.write_pickled(copy / names[0], state)
    if weights == "shards":
        index = json.dumps({"weight_map": dict.fromkeys(state, names[0])})
        (copy / "pytorch_model.bin.index.json").write_text(index)
    if weights != "both":
        (copy / "model.safetensors").unlink()
    repository = hub.repositories["jane/bert"] = Repository()
    repository.commit({path.name: path.read_bytes() for path in copy.iterdir()}, "a model")
    environment = hub.environment(tmp_path / "home")
    done = command(environment, "info", "jane/bert", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["layers"] == 2
    fetched = {one.rpartition("/")[2] for one in hub.requests if "/resolve/" in one}
    kept = {"model.safetensors"} if weights == "both" else set(names)
    assert {one for one in fetched if one.endswith((".bin", ".safetensors"))} == kept
    prepared = command(
        {**environment, "HF_HUB_OFFLINE": "1"},
        *("prepare", corpus_file, "--tokenizer", "jane/bert", "--out", tmp_path / "store"),
    )
    assert "--model jane/bert --out BUNDLE" in prepared.stdout, prepared.stderr


def test_a_second_push_leaves_nothing_of_the_first(hub: Hub, bundle: Path, trained_bundle: Path, tmp_path: Path):
    environment = hub.environment(tmp_path / "home")
    for source, more in ((trained_bundle, ["--license", "MIT"]), (bundle, [])):
        done = command(environment, "push", source, "jane/model", *more)
        assert done.returncode == 0, done.stderr
    assert "removed  heads.safetensors" in done.stdout
    first, second = (identity for identity, _ in hub.repositories["jane/model"].commits[1:])
    assert "heads.safetensors" not in hub.repositories["jane/model"].files
    assert head(hub.repositories["jane/model"].at(first)[1]["README.md"].decode())["license"] == "mit"
    old = command(environment, "fill", f"jane/model@{first}", "the [MASK] runs")
    assert old.returncode == 0, old.stderr
    new = command(environment, "info", f"jane/model@{second}", "--json")
    assert "ner" in json.loads(new.stdout)["tasks"]
    none = command(environment, "info", "jane/model@v9")
    assert none.returncode == 2
    assert "the model has no revision 'v9'" in none.stderr


def test_training_starts_from_the_hub_and_says_so(hub: Hub, bundle: Path, tmp_path: Path):
    environment = hub.environment(tmp_path / "home")
    assert command(environment, "push", bundle, "jane/base").returncode == 0
    train = conll_file(tmp_path / "train.conll", 20, 1)
    done = command(environment, "finetune", "tag", "--model", "jane/base", "--train", train, "--out", tmp_path / "mine",
                   "--budget", "2steps", "--set", "window.length=32", "--set", "window.overlap=8")  # fmt: skip
    assert done.returncode == 0, done.stderr
    card = (tmp_path / "mine" / "README.md").read_text()
    assert (head(card)["base_model"], head(card)["language"]) == ("jane/base", ["en"])
    assert "Weights at the start: jane/base (text under CC BY 4.0, by us)." in card
    assert "license" not in head(card), "nobody said what the new data is under"
    assert json.loads((tmp_path / "mine.run" / "run.json").read_text())["model"] == "jane/base"
    refused = command(environment, "push", tmp_path / "mine", "jane/mine", "--dry-run")
    assert (refused.returncode, "no licence is known" in refused.stderr) == (2, True)


def test_a_path_wins_over_the_hub(hub: Hub, bundle: Path, tmp_path: Path):
    shutil.copytree(bundle, tmp_path / "jane" / "ner")
    found = command(hub.environment(tmp_path / "home"), "info", "jane/ner", "--json", cwd=tmp_path)
    assert json.loads(found.stdout)["path"] == "jane/ner"
    assert hub.requests == []


def test_a_dry_run_lists_and_asks_nobody(hub: Hub, bundle: Path, tmp_path: Path):
    done = command(
        {**hub.environment(tmp_path / "home", token=None), "HF_HUB_OFFLINE": "1"},
        "push",
        bundle,
        "jane/ner",
        "--dry-run",
    )
    assert done.returncode == 0, done.stderr
    *files, last = done.stdout.splitlines()
    assert {line.split()[1] for line in files} == {path.name for path in bundle.iterdir()}
    assert f"{(bundle / 'model.safetensors').stat().st_size:,}  model.safetensors" in done.stdout
    assert last.endswith("licence cc-by-4.0 to jane/ner; nothing was sent")
    assert hub.requests == []


def test_a_private_repository(hub: Hub, bundle: Path, tmp_path: Path):
    environment = hub.environment(tmp_path / "home")
    assert command(environment, "push", bundle, "jane/secret", "--private").returncode == 0
    assert hub.repositories["jane/secret"].private
    others = command(hub.environment(tmp_path / "else", token=None), "info", "jane/secret")
    assert others.returncode == 2
    assert "no such model on the hub" in others.stderr
    assert "Log in with `hf auth login`, or set HF_TOKEN if it is private" in others.stderr
    hub.repositories["jane/open"] = Repository()
    hub.repositories["jane/open"].commit({}, "initial commit")
    refused = command(environment, "push", bundle, "jane/open", "--private")
    assert (refused.returncode, "exists and is public" in refused.stderr) == (2, True)
    assert hub.repositories["jane/open"].files == {}


@pytest.mark.parametrize(
    ("repository", "token", "fails", "code", "message"),
    [
        ("jane/ner", None, None, 2, "does not accept the token; got 401"),
        ("jane/ner", "hf_wrong", None, 2, "does not accept the token; got 401"),
        ("jane/ner", READER, None, 2, "the token may not write to jane; got 403"),
        ("somebody/ner", "hf_writes", None, 2, "the token may not write to somebody; got 403"),
        (
            "nobody/ner",
            "hf_writes",
            None,
            2,
            "the hub has no user or organisation nobody, or no such repository; got 404",
        ),
        ("jane/ner", "hf_writes", 501, 1, "the hub fails; got 501"),
    ],
)
def test_what_the_hub_refuses(hub: Hub, bundle: Path, tmp_path: Path, repository, token, fails, code, message):
    hub.fails_with = fails
    done = command(hub.environment(tmp_path / "home", token), "push", bundle, repository)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("spanbert: error")]) == 1
    assert hub.repositories == {}


def test_no_network(hub: Hub, bundle: Path, tmp_path: Path):
    nowhere = {**hub.environment(tmp_path / "home"), "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = command(nowhere, "push", bundle, "jane/ner")
    assert (done.returncode, "the hub cannot be reached" in done.stderr) == (1, True), done.stderr
    done = command({**nowhere, "HF_HUB_OFFLINE": "1"}, "push", bundle, "jane/ner")
    assert (done.returncode, "HF_HUB_OFFLINE is set" in done.stderr) == (2, True), done.stderr
    done = command(nowhere, "predict", "jane/unknown", bundle / "vocab.txt")
    assert (done.returncode, "the hub cannot be reached" in done.stderr) == (2, True), done.stderr


def test_what_is_no_finished_bundle(cli, bundle: Path, hugging_face_model: Path, tmp_path: Path):
    def copy(name: str) -> Path:
        return shutil.copytree(bundle, tmp_path / name)

    def refused(*arguments: object) -> str:
        code, _, err = cli("push", *arguments, "--dry-run")
        assert code == 2
        return err

    assert "not a bundle (no spanbert.json)" in refused(hugging_face_model, "jane/ner")
    assert "no such directory" in refused(tmp_path / "nothing", "jane/ner")
    assert "not a model directory" in refused(bundle.with_name("model.run"), "jane/ner")
    assert "not the name of a repository; got 'ner'; expected USER/NAME" in refused(bundle, "ner")
    assert "the hub knows no licence 'apache'; did you mean 'apache-2.0'?" in refused(
        bundle, "jane/ner", "--license", "apache"
    )
    assert "not a language; got 'English'" in refused(bundle, "jane/ner", "--language", "English")
    damaged = copy("damaged")
    (damaged / "model.safetensors").write_bytes(b"x")
    assert "does not match its checksum" in refused(damaged, "jane/ner")
    stopped = copy("stopped")
    manifest = json.loads((stopped / "spanbert.json").read_text())
    manifest["training"]["stopped_by"] = "SIGINT"
    (stopped / "spanbert.json").write_text(json.dumps(manifest))
    assert "has not ended; got stopped by SIGINT. Continue it with --resume first" in refused(stopped, "jane/ner")
    edited = copy("edited")
    (edited / "README.md").write_text("---\nlicense: [\n---\n# mine\n")
    assert "README.md:3: the head of the card is not YAML" in refused(edited, "jane/ner")
    (edited / "README.md").write_text("# mine\n")
    code, said, _ = cli("push", edited, "jane/ner", "--dry-run", "--json")
    assert (code, json.loads(said)["licence"]) == (0, "cc-by-4.0"), (
        "a card of one's own; the licence is in the manifest too"
    )
    (edited / "README.md").unlink()
    assert "no model card" in refused(edited, "jane/ner")


def test_the_card_shows_python_that_runs(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    card = (bundle / "README.md").read_text()
    [block] = [part.split("```")[0] for part in card.split("```python\n")[1:]]
    monkeypatch.chdir(bundle.parent)
    names: dict[str, object] = {}
    exec(block, names)
    assert isinstance(names["nlp"], spanbert.pipelines.load.Pipeline)
