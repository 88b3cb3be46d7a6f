"""Relations from raw text: SciERC's sentences, entities and relations found by one model, before and after.

python benchmarks/relation_raw.py after WORK     pairs that are not related are learned in both orders, the default
python benchmarks/relation_raw.py before WORK    they are learned as the data lists them, subject first; both are judged
python benchmarks/relation_raw.py after WORK 1000    the same in so many steps

Both sides train from MiniLM-L6 on the same sentences, as long, with the same seed: entities from SciERC's annotation,
pairs from its conversion to TACRED's layout, in which a negative is a pair in text order. Scores are those of
`evaluate --end-to-end` on the sentences of the test documents. A killed run goes on where it was.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from common import RESULTS, real_data, write_result

import spanbert
from benchmarks.bench.scierc import sentences, without_overlaps
from spanbert import FinetuneConfig, TaskData
from spanbert.apps.console import make_reporter
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.corpus.formats.registry import write_data
from spanbert.tasks.relation.config import RelationConfig

NAME = "relation_raw"
STEPS = 5800  # of 16 examples, a quarter of them for entities: four times the pairs
SIDES = {"before": "no", "after": "auto"}


def trained(side: str, work: Path, steps: int) -> Path:
    """A bundle of both tasks; a run that was killed goes on."""
    out, pairs = work / side, real_data() / "re" / "scierc" / "tacred_none"
    done = work / f"{side}.done"
    if done.is_file() and done.read_text("utf-8") == str(steps):
        return out
    tasks = {
        "entities": TaskData(
            kind="tag",
            train=[without_overlaps(one) for one in sentences(real_data(), "train")],
            dev=[without_overlaps(one) for one in sentences(real_data(), "dev")],
        ),
        "relations": TaskData(
            kind="relation",
            train=pairs / "train.json",
            dev=pairs / "dev.json",
            options=RelationConfig(negatives=SIDES[side]),
        ),
    }
    config = FinetuneConfig.assemble(
        overrides=[f"train.max_steps={steps}", "train.checkpoint_every=5%", "train.evaluate_every=25%"]
    )
    with make_reporter() as reporter:
        run = spanbert.finetune(tasks, model=packaged_minilm(), out=out, config=config, resume=True, reporter=reporter)
    if run.outcome.interrupted:
        sys.exit(f"interrupted; the same command continues {side}")
    done.write_text(str(steps), encoding="utf-8")
    return out


def measured(side: str, work: Path, steps: int) -> dict[str, Any]:
    """Scores from raw sentences, with the entities that are found and with gold ones."""
    bundle = trained(side, work, steps)
    test = work / "test.jsonl"
    write_data(sentences(real_data(), "test"), test, to="relation-jsonl")
    if side == "before":  # as it was: both orders are judged, whatever training saw
        manifest = json.loads((bundle / "spanbert.json").read_text("utf-8"))
        manifest["tasks"]["relations"]["order"] = "both"
        (bundle / "spanbert.json").write_text(json.dumps(manifest), encoding="utf-8")
    return {
        "steps": steps,
        "found": spanbert.evaluate_end_to_end(bundle, test),
        "gold": spanbert.evaluate_end_to_end(bundle, test, entities="gold"),
        "listed": spanbert.evaluate(
            bundle, real_data() / "re" / "scierc" / "tacred_none" / "test.json", task="relations"
        ),
    }


if __name__ == "__main__":
    what, place, steps = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else STEPS
    place.mkdir(parents=True, exist_ok=True)
    known = RESULTS / f"{NAME}.json"
    found = measured(what, place, steps)
    sides = json.loads(known.read_text("utf-8"))["sides"] if known.is_file() else {}
    write_result(NAME, {"sides": {**sides, what: found}})
