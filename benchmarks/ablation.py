"""The four masking schemes from one seed (`make ablation`): text with entities, and the curves of the four runs.

python benchmarks/ablation.py text FILE.jsonl     # BC5CDR abstracts with their chemicals and diseases
python benchmarks/ablation.py collect FOLDER      # FOLDER holds a run named after each scheme
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from common import ROOT, real_data, write_result

from spanbert.apps.reports.curves import Panel, panels
from spanbert.batches.masking import SCHEMES
from spanbert.train.run_directory import files_of_run
from spanbert.train.tracking import read_log

SENTENCES = 8  # a document: the files do not say where an abstract ends


def write_text(target: Path) -> None:
    with target.open("w", encoding="utf-8") as stream:
        for name in ("train", "devel", "test"):
            sentences = (real_data() / "ner" / "bc5cdr" / f"{name}.tsv").read_text(encoding="utf-8").split("\n\n")
            for first in range(0, len(sentences), SENTENCES):
                words: list[str] = []
                entities: list[list[int | str]] = []
                size = 0
                for line in "\n".join(sentences[first : first + SENTENCES]).split("\n"):
                    if not line.strip():
                        continue
                    word, tag = line.split("\t")
                    if tag.startswith("B-"):
                        entities.append([size, size + len(word), tag[2:]])
                    elif tag.startswith("I-"):
                        entities[-1][1] = size + len(word)
                    words.append(word)
                    size += len(word) + 1
                record = {"id": f"{name}-{first // SENTENCES}", "text": " ".join(words), "entities": entities}
                stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def collect(folder: Path) -> None:
    runs = {}
    for scheme in SCHEMES:
        run = files_of_run(folder / scheme)
        before = json.loads((run / "before.json").read_text())
        runs[scheme] = [
            {"step": 0, "tokens": 0, "seconds": 0.0, **before},
            *read_log(run / "evaluations.jsonl"),
        ]
    picture = ROOT / "docs" / "images" / "ablation.png"
    lines = {name: [(one["seconds"] / 60, one["mlm_loss"]) for one in some] for name, some in runs.items()}
    picture.write_bytes(
        panels(Panel(across="minutes", up="held-out MLM loss under the scheme's own masks", lines=lines))
    )
    keys = ("step", "tokens", "seconds", "mlm_loss", "mlm_accuracy", "unigram_loss")
    write_result(
        "ablation", {"runs": {name: [{key: one[key] for key in keys} for one in some] for name, some in runs.items()}}
    )


if __name__ == "__main__":
    work, place = sys.argv[1:3]
    {"text": write_text, "collect": collect}[work](Path(place))
