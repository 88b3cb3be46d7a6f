"""Sequence labelling, flat and nested, as the rest of the program knows it."""

from __future__ import annotations

from dataclasses import replace

from spanbert.tasks.spec import TaskOption, TaskSpec, also_called
from spanbert.tasks.tag.config import TagConfig

TAG = TaskSpec(
    kind="tag",
    title="sequence labelling",
    title_zh="序列标注",
    config=TagConfig,
    task="spanbert.tasks.tag.task:TagTask",
    check="spanbert.tasks.tag.check:TagSurvey",
    render="spanbert.tasks.tag.render:TagRender",
    result="spanbert.core.predictions:Tagging",
    produces=frozenset({"spans", "tags"}),
    formats=("columns", "jsonl", "label-studio"),
    same_head=("labels", "scheme"),
    main_metric="f1",
    slug="token-classification",
    files="columns (BIO, IOB1, BIOES, BMES), CoNLL-U, JSON lines with spans, Label Studio",
    options=(
        TaskOption(
            flag="--column",
            setting="column",
            help="ner, upos or xpos.",
            default="ner where there is any",
            verbs=("finetune", "doctor", "evaluate"),
        ),
        TaskOption(
            flag="--nested",
            setting="nested",
            help="entities may lie in one another.",
            value=True,
            verbs=("finetune", "doctor"),
        ),
    ),
    aliases={
        **also_called(
            "tagging",
            "tagger",
            "token-classification",
            "sequence-labelling",
            "sequence-labeling",
            "ner",
            "entities",
            "named-entities",
            "chunking",
        ),
        **also_called("pos", "upos", "part-of-speech", column="upos"),
        "xpos": {"column": "xpos"},
        **also_called("nested", "nested-ner", "spancat", nested=True),
    },
    examples={
        "finetune": (
            (
                "Entities, from columns of words and tags",
                "spanbert finetune tag --model bundle/ --train train.conll --dev dev.conll --out ner/",
            ),
        ),
        "doctor": (
            (
                "Entities, before they are learned",
                "spanbert doctor tag --data train.conll --dev dev.conll --model bundle/",
            ),
        ),
    },
)

NESTED = replace(
    TAG,
    variant="nested",
    title="nested entities",
    title_zh="嵌套实体识别",
    task="spanbert.tasks.tag.nested:NestedTask",
    produces=frozenset({"spans"}),
    same_head=("labels",),
    slug=None,
    hub_task="token-classification",
    options=(),
    aliases={},
    examples={
        "finetune": (
            (
                "Entities within entities",
                "spanbert finetune tag --nested --model bundle/ --train train.tsv --dev dev.tsv --out nested/",
            ),
        ),
    },
)
