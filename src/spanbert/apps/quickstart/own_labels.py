"""The third part of the quick start: labels of one's own, learned by the model and by raw MiniLM in the same way.

notes about a garden, with plants, problems and remedies marked by hand (examples/data/garden)
  --split-->  train, dev, test  --finetune from each, the same steps-->  two bundles  --evaluate-->  paired difference
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

from spanbert.apps.quickstart.bars import Bars
from spanbert.apps.quickstart.own_text import AGAIN
from spanbert.apps.quickstart.room import LABELS, OURS, PARTS, THEIRS
from spanbert.apps.reports.finetune_report import write_finetune_report
from spanbert.core.files import write_atomically
from spanbert.core.reporter import Reporter
from spanbert.pipelines.evaluate import evaluate
from spanbert.pipelines.evaluation import Evaluation
from spanbert.pipelines.load import load
from spanbert.pipelines.results import AnnotatedText
from spanbert.tasks.tag.spec import TAG
from spanbert.train.finetune import finetune
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.task_data import TaskData

RAW = "raw MiniLM"
SIZES = dict(zip(PARTS, (60, 20, 81), strict=True))  # few to learn from, as one has at first; many to score on
_STEPS_A_MINUTE = 30  # of pre-training: each of the two runs takes about a quarter of its time
_MOST_STEPS = 300  # what a fine-tuning with nothing said takes at least
_READ = (
    "The magnolia has scale insects, so I washed it with soft soap.",
    "Blackbirds dug up the new tulips, and a net is all that helps.",
)


@dataclass(frozen=True, kw_only=True)
class LearnedLabels:
    """The result of this part.

    Attributes:
        steps: Steps that both runs took.
        ours: Scores of our model on the test notes; `compared` has the difference to raw MiniLM.
        theirs: Scores of raw MiniLM there.
        read: Notes that nobody labelled, as ours reads them.
    """

    steps: int
    ours: Evaluation
    theirs: Evaluation
    read: Sequence[AnnotatedText]

    def contenders(self, model: str) -> dict[str, tuple[float, float, float]]:
        """F1 of both with the bounds of its interval, by what they are called.

        Args:
            model: What ours is called.
        """
        named = {model: self.ours, RAW: self.theirs}
        return {name: (one[one["main"]], *one["interval"][one["main"]]) for name, one in named.items()}

    def lines(self, model: str) -> list[str]:
        """Scores and notes for the terminal.

        Args:
            model: What ours is called.
        """
        found = [
            f"   {SIZES['train']} notes to learn from, {SIZES['test']} to score on, {self.steps} steps each; "
            "F1 of the marked spans, with 95% intervals"
        ]
        for name, (value, low, high) in self.contenders(model).items():
            found.append(f"   {name:<20}{value:>8.1%}   ({low:.1%} to {high:.1%})")
        found.append(f"   {'difference':<22}{self.difference}")
        for one in self.read:
            marked = ", ".join(f"{one.text[span.start : span.end]} [{span.label}]" for span in one.entities)
            found += [f"   {one.text}", f"      {marked or 'nothing'}"]
        return found

    @property
    def difference(self) -> str:
        """The paired difference in points, and whether it is more than chance."""
        compared = self.ours["compared"]
        low, high = compared["interval"]
        clear = "" if low > 0 or high < 0 else "; with so few notes that may be chance"
        return f"{100 * compared['difference']:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f}, paired){clear}"


def split_notes(folder: Path) -> dict[str, Path]:
    """Writes the notes as train.jsonl, dev.jsonl and test.jsonl, in their order.

    Args:
        folder: Where the files go.
    """
    lines = files("spanbert.apps.quickstart").joinpath("notes.jsonl").read_text(encoding="utf-8").splitlines()
    found, begun = {}, 0
    for part, size in SIZES.items():
        found[part] = folder / f"{part}.jsonl"
        write_atomically(found[part], "".join(f"{line}\n" for line in lines[begun : begun + size]))
        begun += size
    return found


def learn_labels(model: str, raw: Path, *, out: Path, minutes: float, device: str, reporter: Reporter) -> LearnedLabels:
    """Fine-tunes the model and raw MiniLM on the notes, with the same settings and steps, and compares them.

    Args:
        model: Ours.
        raw: MiniLM.
        out: Folder; labelled files and both bundles are made in it.
        minutes: Of pre-training; the steps are counted by it, so that both runs have the same.
        device: What computes.
        reporter: Receives progress.

    Raises:
        Interrupted: A signal ended a run.
    """
    data = split_notes(out / LABELS)
    steps = max(2, min(round(_STEPS_A_MINUTE * minutes), _MOST_STEPS))
    config = FinetuneConfig.assemble(
        base={
            "licence": "notes written for the examples of spanbert, Apache-2.0",
            "train": {"max_steps": steps, "evaluate_every": "25%", "checkpoint_every": "100%"},
        }
    )
    learn = partial(finetune, {LABELS: TaskData(kind=TAG.kind, train=data["train"], dev=data["dev"])})
    for start, name, part in ((model, OURS, "labels"), (raw, THEIRS, f"labels, {RAW}")):
        run = learn(model=start, out=out / name, config=config, device=device, reporter=Bars(reporter, part))
        run.outcome.require_whole(AGAIN)
        write_finetune_report(run.path, reporter)
    theirs = evaluate(out / THEIRS, data["test"], device=device)
    ours = evaluate(out / OURS, data["test"], other=out / THEIRS, device=device)
    read = list(load(out / OURS, device=device).pipe(_READ))
    return LearnedLabels(steps=steps, ours=ours, theirs=theirs, read=read)
