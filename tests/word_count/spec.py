"""Counting words, as the rest of the program knows it."""

from __future__ import annotations

from spanbert.tasks.spec import TaskOption, TaskSpec
from tests.word_count.config import WordCountConfig

WORDS = TaskSpec(
    kind="words",
    title="number of words",
    title_zh="词数",
    config=WordCountConfig,
    task="tests.word_count.task:WordCountTask",
    check="tests.word_count.check:WordCountSurvey",
    render="tests.word_count.render:WordCountRender",
    result="tests.word_count.result:WordCount",
    produces=frozenset({"number"}),
    formats=("labelled",),
    same_head=(),
    main_metric="near",
    files="CSV, TSV, JSON lines or Parquet",
    epochs=7.0,
    examples_a_step=4,
    options=(
        TaskOption(
            flag="--near", setting="near", help="words a count may be off.", type=float, verbs=("finetune", "evaluate")
        ),
    ),
    examples={
        "finetune": (
            (
                "Texts with their numbers of words",
                "spanbert finetune words --model bundle/ --train train.tsv --out words/",
            ),
        )
    },
)
