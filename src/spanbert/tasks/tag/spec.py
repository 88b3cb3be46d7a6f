"""Sequence labelling, flat and nested, as the rest of the program knows it."""

from __future__ import annotations

from dataclasses import replace

from spanbert.tasks.spec import TaskOption, TaskSpec, Verb, also_called
from spanbert.tasks.tag.config import NestedEntry, TagConfig, TagEntry

_READING: tuple[Verb, ...] = ("finetune", "doctor", "evaluate")

TAG = TaskSpec(
    kind="tag",
    title="sequence labelling",
    title_zh="序列标注",
    config=TagConfig,
    entry=TagEntry,
    task="spanbert.tasks.tag.task:TagTask",
    check="spanbert.tasks.tag.check:TagSurvey",
    render="spanbert.tasks.tag.render:TagRender",
    result="spanbert.core.predictions:Tagging",
    service="spanbert.tasks.tag.service:TagService",
    explain="spanbert.tasks.tag.explain:TagExplainer",
    exported="spanbert.tasks.exported:ExportedLinear",
    produces=frozenset({"spans", "tags"}),
    formats=(
        *("brat", "webanno", "spacy", "hf-tokens", "word-table", "doccano", "prodigy", "gliner"),
        *("columns", "spacy-json", "label-studio", "label-studio-min", "jsonl"),
    ),
    same_head=("labels", "scheme"),
    main_metric="f1",
    enough_tokens=1024,
    slug="token-classification",
    files="columns (BIO, IOB1, BIOES, BMES), CoNLL-U, JSON lines with spans, lists of tokens and tags, tables with a "
    "word a row, brat, Doccano, GLiNER, Label Studio, Prodigy, spaCy, WebAnno TSV",
    options=(
        TaskOption(
            flag="--column",
            setting="column",
            help="ner, upos or xpos.",
            default="ner where there is any",
            verbs=_READING,
        ),
        TaskOption(
            flag="--text-column",
            setting="text_column",
            help="column of the words, of a table or lists.",
            verbs=_READING,
        ),
        TaskOption(flag="--label-column", setting="label_column", help="column of their tags.", verbs=_READING),
        TaskOption(
            flag="--label-names",
            setting="label_names",
            help="what tags that are numbers stand for, from 0: O,B-PER,I-PER or a file with one a line.",
            verbs=_READING,
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
    entry=NestedEntry,
    title="nested entities",
    title_zh="嵌套实体识别",
    task="spanbert.tasks.tag.nested:NestedTask",
    explain="spanbert.tasks.tag.explain_nested:NestedExplainer",
    exported="spanbert.tasks.tag.exported:ExportedSpans",
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
