"""Fixtures: a tiny tokenizer, tiny random Hugging Face models, a small corpus, and the real packaged weights.

Nothing is downloaded; every text here was written for these tests.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="true", COLUMNS="200", TERM="dumb", NO_COLOR="1")

WORDS = [
    "the",
    "a",
    "an",
    "of",
    "in",
    "on",
    "and",
    "or",
    "but",
    "fox",
    "dog",
    "cat",
    "bird",
    "tree",
    "river",
    "stone",
    "house",
    "road",
    "quick",
    "slow",
    "brown",
    "red",
    "old",
    "new",
    "small",
    "large",
    "jumps",
    "runs",
    "sleeps",
    "eats",
    "sees",
    "finds",
    "carries",
    "under",
    "over",
    "near",
    "behind",
    "with",
    "without",
    "quietly",
    "often",
    "never",
    "city",
    "country",
    "north",
    "south",
    "king",
    "queen",
    "child",
    "teacher",
    "book",
    "letter",
    "song",
    "winter",
    "summer",
    "morning",
    "night",
    "water",
    "fire",
    "bread",
    "unbelievable",
    "transformation",
    "internationally",
    "misunderstanding",
]
SUFFIXES = ["##ing", "##ed", "##s", "##ly", "##er", "##est", "##tion", "##al", "##un", "##be", "##lieve", "##able"]
VOCABULARY = list(dict.fromkeys([
    "[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", "!", "?", "-",
    *"abcdefghijklmnopqrstuvwxyz", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"), *SUFFIXES, *WORDS[:-4],
]))  # fmt: skip


@pytest.fixture(scope="session")
def vocabulary_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "vocab.txt"
    path.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tokenizer(vocabulary_file: Path):
    from spanbert.tokens.tokenizer import load_tokenizer

    return load_tokenizer(vocabulary_file)


def make_text(documents: int, seed: int = 0) -> list[str]:
    """Documents of a few to a few hundred words, in sentences."""
    draw = random.Random(seed)
    made = []
    for _ in range(documents):
        sentences = [
            " ".join(draw.choices(WORDS, k=draw.randint(3, 14))).capitalize() + draw.choice(".!?")
            for _ in range(draw.choice([1, 3, 20, 40]))
        ]
        made.append("\n".join(" ".join(sentences[i : i + 5]) for i in range(0, len(sentences), 5)))
    return made


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n\n".join(make_text(120)) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def store_path(tmp_path_factory: pytest.TempPathFactory, corpus_file: Path, vocabulary_file: Path) -> Path:
    from spanbert.tokens.prepare import prepare

    path = tmp_path_factory.mktemp("store") / "store"
    prepare([corpus_file], tokenizer=vocabulary_file, out=path, held_out=0.1, shard_pieces=4000)
    return path


def save_hugging_face_bert(directory: Path, vocabulary_file: Path, **changes: object) -> Path:
    """A tiny random BertForMaskedLM with the tests' tokenizer."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    from spanbert.tokens.tokenizer import load_tokenizer

    shape = {
        "vocab_size": len(VOCABULARY), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": 64, "initializer_range": 0.2,
    }  # fmt: skip
    torch.manual_seed(0)
    BertForMaskedLM(BertConfig(**{**shape, **changes})).save_pretrained(directory)
    load_tokenizer(vocabulary_file).save(directory)
    return directory


@pytest.fixture(scope="session")
def hugging_face_model(tmp_path_factory: pytest.TempPathFactory, vocabulary_file: Path) -> Path:
    return save_hugging_face_bert(tmp_path_factory.mktemp("hf") / "model", vocabulary_file)


@pytest.fixture(scope="session")
def trained_bundle(tmp_path_factory: pytest.TempPathFactory, store_path: Path, hugging_face_model: Path) -> Path:
    """A bundle after a few real steps, shared by tests that only read it."""
    from spanbert.train.pretrain import pretrain
    from spanbert.train.pretrain_config import PretrainConfig

    path = tmp_path_factory.mktemp("bundle") / "bundle"
    overrides = ["train.max_steps=6", "batch.segment_length=32", "batch.pack_tokens=256", "optim.lr=1e-3"]
    pretrain(store_path, out=path, model=hugging_face_model, config=PretrainConfig.assemble(overrides=overrides))
    return path


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The real MiniLM-L6 weights of requirements-demo.txt."""
    from spanbert.apps.quickstart.build import packaged_minilm

    return packaged_minilm()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets (docs/DATA.md)."""
    folder = os.environ.get("SPANBERT_DATA")
    if not folder:
        pytest.skip("SPANBERT_DATA is not set: docs/DATA.md says where the data sets come from")
    return Path(folder)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Runs the command line in this process: arguments in, (exit code, stdout, stderr) out."""
    from spanbert.apps.cli.main import main

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["spanbert", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return int(stopped.value.code or 0), captured.out, captured.err

    return run
