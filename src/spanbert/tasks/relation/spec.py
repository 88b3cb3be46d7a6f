"""Relation extraction, as the rest of the program knows it."""

from __future__ import annotations

from spanbert.tasks.relation.config import MOST_PAIRS, RelationConfig, RelationEntry
from spanbert.tasks.spec import TaskOption, TaskSpec, also_called

RELATION = TaskSpec(
    kind="relation",
    title="relation extraction",
    title_zh="关系抽取",
    config=RelationConfig,
    entry=RelationEntry,
    task="spanbert.tasks.relation.task:RelationTask",
    check="spanbert.tasks.relation.check:RelationSurvey",
    render="spanbert.tasks.relation.render:RelationRender",
    result="spanbert.core.predictions:RelationExtraction",
    service="spanbert.tasks.relation.service:RelationService",
    explain="spanbert.tasks.relation.explain:RelationExplainer",
    exported="spanbert.tasks.relation.exported:ExportedRelation",
    needs=frozenset({"entities"}),
    produces=frozenset({"relations"}),
    formats=(
        *("brat", "webanno", "label-studio", "tacred", "semeval"),
        *("doccano-relations", "prodigy-relations", "relation-jsonl"),
    ),
    same_head=("labels", "markers", "pool"),
    main_metric="micro_f1",
    hub_task="text-classification",
    files="TACRED's JSON, SemEval-2010 Task 8's text, JSON lines with head and tail, brat, Doccano, Label Studio, "
    "Prodigy, WebAnno TSV",
    input="pairs.jsonl",
    epochs=5.0,
    options=(
        TaskOption(
            flag="--pool",
            setting="pool",
            help="what a pair is judged by, start or cls.",
            default="start",
            verbs=("finetune",),
        ),
        TaskOption(
            flag="--negatives",
            setting="negatives",
            help="pairs of the training texts that are learned as not related beside those of the data: reversed, all, "
            "no.",
            default="what the data lacks",
            verbs=("finetune", "doctor"),
        ),
        TaskOption(
            flag="--all-pairs",
            setting="all_pairs",
            help="also pairs of entities that are not related.",
            value=True,
            verbs=("predict",),
        ),
        TaskOption(
            flag="--max-pairs",
            setting="max_pairs",
            help="pairs of entities of a text that are judged at most, the nearest of more.",
            default=f"{MOST_PAIRS:,}",
            type=int,
            least=1,
            verbs=("predict", "evaluate", "finetune"),
        ),
    ),
    aliases=also_called("relations", "re", "rel", "relation-extraction", "tacred", "semeval"),
    examples={
        "finetune": (
            (
                "How two entities are related",
                "spanbert finetune relation --model bundle/ --train train.json --dev dev.json --out relation/ --pool cls",  # noqa: E501
            ),
        ),
    },
)
