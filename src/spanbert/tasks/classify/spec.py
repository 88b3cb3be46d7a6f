"""Text classification, as the rest of the program knows it."""

from __future__ import annotations

from spanbert.tasks.classify.config import ClassifyConfig, ClassifyEntry
from spanbert.tasks.spec import TaskOption, TaskSpec, Verb, also_called

_READING: tuple[Verb, ...] = ("finetune", "doctor", "evaluate")

CLASSIFY = TaskSpec(
    kind="classify",
    title="text classification",
    title_zh="文本分类",
    config=ClassifyConfig,
    entry=ClassifyEntry,
    task="spanbert.tasks.classify.task:ClassifyTask",
    check="spanbert.tasks.classify.check:ClassifySurvey",
    render="spanbert.tasks.classify.render:ClassifyRender",
    result="spanbert.core.predictions:Classification",
    service="spanbert.tasks.classify.service:ClassifyService",
    explain="spanbert.tasks.classify.explain:ClassifyExplainer",
    exported="spanbert.tasks.classify.exported:ExportedClassify",
    produces=frozenset({"labels"}),
    formats=("label-studio", "label-studio-min", "prodigy-labels", "labelled"),
    same_head=("labels", "mode"),
    main_metric="accuracy",
    slug="text-classification",
    files="CSV, TSV, JSON lines, Parquet, Label Studio or Prodigy",
    options=(
        TaskOption(
            flag="--mode",
            setting="mode",
            help="single, multi or regression.",
            default="looks",
            verbs=("finetune", "doctor"),
        ),
        TaskOption(
            flag="--class-weights",
            setting="class_weights",
            help="weigh rare labels as much as frequent ones.",
            value="balanced",
            verbs=("finetune",),
        ),
        TaskOption(
            flag="--threshold",
            setting="threshold",
            help="with several labels a text, the probability from which one is given.",
            default="the best on --dev",
            type=float,
            verbs=("finetune",),
        ),
        TaskOption(
            flag="--text-column",
            setting="text_column",
            help="column of the text.",
            default="by the header",
            verbs=_READING,
        ),
        TaskOption(
            flag="--pair-column", setting="pair_column", help="column of the second text of a pair.", verbs=_READING
        ),
        TaskOption(flag="--label-column", setting="label_column", help="column of the label.", verbs=_READING),
        TaskOption(
            flag="--separator",
            setting="separator",
            help="the text between several labels of one cell.",
            verbs=_READING,
        ),
    ),
    aliases={
        **also_called(
            "classification",
            "classifier",
            "text-classification",
            "sequence-classification",
            "textcat",
            "sentiment",
            "topic",
            "topics",
            "intent",
            "spam",
            "nli",
            "entailment",
            "paraphrase",
        ),
        **also_called("multilabel", "multi-label", "textcat-multilabel", mode="multi"),
        **also_called("regression", "sts", "similarity", mode="regression"),
    },
    examples={
        "finetune": (
            (
                "Texts with labels, five minutes, three seeds",
                "spanbert finetune classify --model bundle/ --train train.tsv --dev dev.tsv --out sentiment/ --budget 5m --seeds 3",  # noqa: E501
            ),
        ),
        "doctor": (
            (
                "Texts with labels, and a copy without repeats and contradictions",
                "spanbert doctor classify --data train.csv --model bundle/ --fix repaired.csv",
            ),
        ),
    },
)
