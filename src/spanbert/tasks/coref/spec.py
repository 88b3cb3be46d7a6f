"""Coreference resolution, as the rest of the program knows it."""

from __future__ import annotations

from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.spec import TaskOption, TaskSpec

COREF = TaskSpec(
    kind="coref",
    title="coreference resolution",
    title_zh="共指消解",
    config=CorefConfig,
    task="spanbert.tasks.coref.task:CorefTask",
    check="spanbert.tasks.coref.check:CorefSurvey",
    render="spanbert.tasks.coref.render:CorefRender",
    result="spanbert.core.predictions:Coreference",
    produces=frozenset({"clusters"}),
    formats=("conll2012", "coref-jsonl", "gap"),
    same_head=("size", "same_words", "speakers"),
    main_metric="conll_f1",
    hub_task="token-classification",
    files="CoNLL-2012, JSON lines with clusters",
    epochs=20.0,
    reads="file",
    examples_a_step=2,  # each is several windows
    options=(
        TaskOption(
            flag="--singletons",
            setting="singletons",
            help="keep or drop clusters of one mention.",
            default="as in --train",
            verbs=("finetune",),
        ),
        TaskOption(
            flag="--max-mentions",
            setting="max_mentions",
            help="candidates kept a document.",
            default="0.4 a word",
            type=int,
            least=2,
            verbs=("finetune", "evaluate", "predict"),
        ),
    ),
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
                "Mentions of the same thing in a long text",
                "spanbert predict coref/ novel.txt --max-mentions 5000",
            ),
        ),
    },
)
