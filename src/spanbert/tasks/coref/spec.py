"""Coreference resolution, as the rest of the program knows it."""

from __future__ import annotations

from spanbert.tasks.coref.config import CorefConfig, CorefEntry
from spanbert.tasks.spec import TaskOption, TaskSpec, also_called

COREF = TaskSpec(
    kind="coref",
    title="coreference resolution",
    title_zh="共指消解",
    config=CorefConfig,
    entry=CorefEntry,
    task="spanbert.tasks.coref.task:CorefTask",
    check="spanbert.tasks.coref.check:CorefSurvey",
    render="spanbert.tasks.coref.render:CorefRender",
    result="spanbert.core.predictions:Coreference",
    service="spanbert.tasks.coref.service:CorefService",
    explain="spanbert.tasks.coref.explain:CorefExplainer",
    exported="spanbert.tasks.coref.exported:ExportedCoref",
    produces=frozenset({"clusters"}),
    formats=("brat", "webanno", "conll2012", "corefud", "coref-jsonl", "gap"),
    same_head=("size", "same_words", "speakers"),
    main_metric="conll_f1",
    hub_task="token-classification",
    files="CoNLL-2012, CorefUD, JSON lines with clusters, brat, WebAnno TSV",
    epochs=20.0,
    reads="file",
    enough_tokens=3000,
    fewest_examples=2,  # of long documents: each is several windows then
    options=(
        TaskOption(
            flag="--singletons",
            setting="singletons",
            help="keep or drop clusters of one mention.",
            default="as in --train",
            verbs=("finetune",),
        ),
    ),
    aliases=also_called("coreference", "coreference-resolution", "clusters"),
    examples={
        "finetune": (
            (
                "Mentions of the same thing",
                "spanbert finetune coref --model bundle/ --train train.conll --dev dev.conll --out coref/",
            ),
        ),
        "doctor": (
            (
                "Clusters, and a copy without mentions in two of them",
                "spanbert doctor coref --data train.conll --model bundle/ --fix repaired.conll",
            ),
        ),
        "predict": (
            (
                "Mentions of the same thing in a whole novel",
                "spanbert predict coref/ novel.txt --out novel.jsonl",
            ),
        ),
    },
)
