"""Translation, as the rest of the program knows it."""

from __future__ import annotations

from spanbert.tasks.spec import TaskOption, TaskSpec, Verb, also_called
from spanbert.tasks.translate.config import TranslateConfig, TranslateEntry

_READING: tuple[Verb, ...] = ("finetune", "doctor", "evaluate")
_WRITING: tuple[Verb, ...] = ("evaluate", "predict")

TRANSLATE = TaskSpec(
    kind="translate",
    title="translation",
    title_zh="机器翻译",
    config=TranslateConfig,
    entry=TranslateEntry,
    task="spanbert.tasks.translate.task:TranslateTask",
    check="spanbert.tasks.translate.check:TranslateSurvey",
    render="spanbert.tasks.translate.render:TranslateRender",
    result="spanbert.core.predictions:Translation",
    service="spanbert.tasks.translate.service:TranslateService",
    explain="spanbert.tasks.translate.explain:TranslateExplainer",
    produces=frozenset({"translations"}),
    formats=("tmx", "parallel", "aligned"),
    same_head=("decoder", "vocabulary"),
    main_metric="bleu",
    hub_task="translation",
    files="two files line by line, TSV or CSV of two columns, JSON lines, Parquet, TMX",
    companion="target",
    epochs=10.0,
    tokens_a_step=4096,
    options=(
        TaskOption(
            flag="--text-column",
            setting="text_column",
            help="column (or language) of the text.",
            default="by the header",
            verbs=_READING,
        ),
        TaskOption(
            flag="--target-column",
            setting="target_column",
            help="column (or language) of the translation.",
            default="by the header",
            verbs=_READING,
        ),
        TaskOption(
            flag="--beam",
            setting="beam",
            help="hypotheses that are kept open for each text; 1 is greedy.",
            default="5",
            type=int,
            least=1,
            verbs=_WRITING,
        ),
        TaskOption(
            flag="--n-best",
            setting="n_best",
            help="how many translations of each text, at most --beam.",
            default="1",
            type=int,
            least=1,
            verbs=("predict",),
        ),
    ),
    aliases=also_called("translation", "translator", "mt", "nmt", "seq2seq"),
    examples={
        "finetune": (
            (
                "Translation, from two files line by line",
                "spanbert finetune translate --model bundle/ --train train.en --train-target train.de --dev dev.en --dev-target dev.de --out en-de/",  # noqa: E501
            ),
        ),
        "doctor": (
            (
                "Translations: lengths, copies, repeats, scripts",
                "spanbert doctor translate --data train.en --target train.de --model bundle/",
            ),
        ),
        "evaluate": (("BLEU and chrF++ of translations", "spanbert evaluate en-de/ --data test.en --target test.de"),),
        "predict": (("One line in, one line out", "spanbert predict en-de/ texts.txt --format text --out texts.de"),),
    },
)
