"""Extractive question answering, as the rest of the program knows it."""

from __future__ import annotations

from spanbert.tasks.qa.config import QAConfig, QAEntry
from spanbert.tasks.spec import TaskOption, TaskSpec, also_called

QA = TaskSpec(
    kind="qa",
    title="extractive question answering",
    title_zh="抽取式问答",
    config=QAConfig,
    entry=QAEntry,
    task="spanbert.tasks.qa.task:QATask",
    check="spanbert.tasks.qa.check:QASurvey",
    render="spanbert.tasks.qa.render:QARender",
    result="spanbert.core.predictions:Answering",
    service="spanbert.tasks.qa.service:QAService",
    explain="spanbert.tasks.qa.explain:QAExplainer",
    exported="spanbert.tasks.exported:ExportedLinear",
    needs=frozenset({"question"}),
    produces=frozenset({"answers"}),
    formats=("squad", "qa-jsonl"),
    same_head=(),
    main_metric="f1",
    slug="question-answering",
    files="SQuAD 1.1 and 2.0 JSON, JSON lines with questions",
    input="questions.jsonl",
    options=(
        TaskOption(
            flag="--threshold",
            setting="threshold",
            help="how many nats in favour of no answer it takes to give none.",
            default="the best on --dev",
            type=float,
            verbs=("finetune",),
        ),
    ),
    aliases=also_called("squad", "question-answering", "extractive-qa", "questions", "mrc"),
    examples={
        "finetune": (
            (
                "Questions with answers in a text",
                "spanbert finetune qa --model bundle/ --train train.json --dev dev.json --out qa/ --budget 2epochs",
            ),
        ),
        "doctor": (
            (
                "Questions, as JSON, without measuring",
                "spanbert doctor qa --data train.json --model bundle/ --no-estimate --json",
            ),
        ),
        "predict": (("Questions with their texts", "spanbert predict qa/ questions.jsonl"),),
    },
)
